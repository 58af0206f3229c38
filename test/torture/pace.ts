import type { Policy } from "waybill";

/** How fast everything of a run goes. */
export type Pace = Partial<Policy> & {
  /** How long a claim holds. */
  readonly leaseMs: number;
};

/** The pace of a run: everything that waits for minutes in a service waits for parts of a second here. */
export const PACE: Pace = {
  // Short: a run has many of them.
  leaseMs: 1_500,
  sendGraceMs: 1_000,
  redispatchAfterMs: 6_000,
  redispatchCapMs: 12_000,
  redriveAfterMs: 500,
  redriveCapMs: 1_000,
  notifyGraceMs: 500,
  pollLeaseMs: 2_000,
  pollCapMs: 1_000,
  progressEveryMs: 100,
  watchEveryMs: 500,
  takeDueHoldMs: 1_500,
  reconcileBusyMs: 100,
  reconcileIdleMs: 250,
  unknownRetryMs: 5_000,
  storeTimeoutMs: 10_000,
  notifier: { giveUpAfterMs: 120_000, baseMs: 50, capMs: 500 },
};

/**
 * For a store that answers after a second when the machine is loaded. At the pace of the others its claims would lapse
 * before their first beat is answered, and each that lapses is more work for the store that is late already.
 */
export const SLOW_PACE: Pace = {
  ...PACE,
  leaseMs: 5_000,
  sendGraceMs: 5_000,
  redispatchAfterMs: 30_000,
  redispatchCapMs: 60_000,
  notifyGraceMs: 3_000,
  pollLeaseMs: 6_000,
  pollCapMs: 3_000,
  progressEveryMs: 500,
  watchEveryMs: 2_000,
  takeDueHoldMs: 5_000,
  unknownRetryMs: 15_000,
  storeTimeoutMs: 30_000,
};
