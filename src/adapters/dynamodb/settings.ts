import type { Connection } from "./client/connection.js";

/** What every part of the store works with. */
export interface Session {
  readonly connection: Connection;
  /**
   * Added to every lease as it is stored. Who sweeps compares the stored instant with a clock of its own: as long as that
   * is not further ahead of the claimant's than this, no live lease is swept. Claimants count their lease without it.
   */
  readonly clockSkewMs: number;
  /** Settled records get an attribute by which DynamoDB removes them. */
  readonly timeToLive: boolean;
}
