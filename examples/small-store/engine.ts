import type { StoreCapabilities } from "waybill";

/** A key as it is stored. The version is another one after every change of the key. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly version: string;
}

/** Keys between two others, both exclusive, in the order of their characters. */
export interface Range {
  readonly after: string;
  readonly below: string;
  readonly limit: number;
  readonly newestFirst?: boolean;
}

export interface Commit {
  /** What was read: each key's version, `null` for a key that was not there. */
  readonly checks: ReadonlyMap<string, string | null>;
  /** What is to be written; `null` removes the key. */
  readonly changes: ReadonlyMap<string, string | null>;
}

/**
 * All that the store asks of an engine: an ordered map from text to text, with an atomic commit. Give it another one and
 * the store is on that: FoundationDB, etcd, Deno KV and the storage of a Durable Object have these three calls.
 *
 * Every call rejects with a `StoreUnavailableError`: `not_applied` when nothing can have been written, else `unknown`.
 */
export interface Engine {
  /** What its answers are worth: the store passes both on as its own. */
  readonly durability: StoreCapabilities["durability"];
  readonly shared: boolean;
  /** Sees every commit that was answered before. In the order of the keys; `null`: no such key. */
  get(keys: readonly string[]): Promise<readonly (Entry | null)[]>;
  /** Sees every commit that was answered before. */
  scan(range: Range): Promise<readonly Entry[]>;
  /**
   * Writes all changes or none, in one step with the checks, durably before it answers. `false`: a check did not hold and
   * nothing was written, which is never answered of a commit that may have been.
   */
  commit(commit: Commit): Promise<boolean>;
}
