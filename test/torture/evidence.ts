import type { StoredJob } from "waybill";
import type { Effect } from "./effects.js";
import type { NotedEvent } from "./file-notifier.js";
import type { Sighting } from "./outside.js";
import type { PlannedJob } from "./plans.js";

/** What the parent was told when it asked to cancel. */
export type CancelAnswer = "accepted" | "ended" | "refused" | "not_applied" | "unknown";

/** What a watcher saw of a job, in order. */
export interface Watched {
  readonly jobId: string;
  readonly seen: readonly { readonly version: number; readonly status: string }[];
}

/** How a life of a worker was ended. */
export interface Ended {
  readonly life: string;
  readonly at: number;
  readonly by: "kill" | "stop_orderly" | "itself";
  /** What it said last, where it ended by itself. */
  readonly said?: string;
}

/** Everything that a run left behind, none of it taken on the word of a worker's memory. */
export interface Evidence {
  readonly planned: readonly PlannedJob[];
  /** Jobs that the parent was told are stored. */
  readonly acknowledged: ReadonlySet<string>;
  readonly cancels: ReadonlyMap<string, CancelAnswer>;
  readonly watched: readonly Watched[];
  /** All that is in the store after the drain, with outputs. */
  readonly stored: readonly StoredJob[];
  readonly effects: readonly Effect[];
  /** In the order of delivery. */
  readonly events: readonly NotedEvent[];
  /** How outside work stood at the end. */
  readonly outside: ReadonlyMap<string, Sighting>;
  readonly ended: readonly Ended[];
}

/** The broken promise, and where it shows. */
export interface Violation {
  /**
   * - `lost`: acknowledged, and not stored. `unexpected`: stored, and never submitted.
   * - `stuck`: not final, or still in need of a look, when the drain ended.
   * - `S1` `S2` `S4` `S8`: those of `checkHistory`. `S3`: not exactly one final entry, or the record says other than it.
   * - `S5`: fences. `S6`: an outcome that is not of the claim that was held. `S9`: an answer that was not true.
   * - `S12`: attempts. `S13`: an outcome without its proof. `S14`: not delivered. `S15`: delivered other than stored.
   * - `checkpoint`: answered as durable, and not found by a later attempt.
   * - `worker`: a process ended by itself.
   */
  readonly rule: Rule;
  readonly jobId: string;
  readonly text: string;
}

export type Rule =
  | "lost"
  | "unexpected"
  | "stuck"
  | "S1"
  | "S2"
  | "S3"
  | "S4"
  | "S5"
  | "S6"
  | "S8"
  | "S9"
  | "S12"
  | "S13"
  | "S14"
  | "S15"
  | "checkpoint"
  | "worker";
