import type { Callbacks } from "../callback/callbacks.js";
import type { Clock } from "../environment/clock.js";
import type { DecideContext } from "../decide/change/change.js";
import type { Policy } from "../defaults.js";
import type { Definition } from "../definition.js";
import { isWaybillError } from "../errors/errors.js";
import type { HistoryEntry } from "../job/history.js";
import type { Ids } from "../environment/ids.js";
import type { Logger } from "../environment/logger.js";
import type { Notifier } from "../ports/notifier.js";
import type { Queue } from "../ports/queue.js";
import type { Snapshot } from "../job/record.js";
import type { Telemetry } from "../environment/telemetry.js";
import type { Gateway } from "./store/gateway.js";
import type { PublishAttempt } from "./relay/attempt.js";
import type { Reentry } from "./reentry.js";
import type { Unserved } from "./unserved.js";
import type { StoreTime } from "./store/store-time.js";
import { isError } from "../errors/foreign.js";

/** The name under which `createWaybill({ queue })` is recorded. */
export const DEFAULT_QUEUE = "default";

/** Everything that the engine reaches outside with, and what it was configured with. Made once, by `createWaybill`. */
export interface Core {
  readonly gateway: Gateway;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly notifiers: ReadonlyMap<string, Notifier>;
  /** Names that are fixed in the records made here: those of `notifiers`, and those that other processes serve. */
  readonly notifierNames: readonly string[];
  /** Names whose cursors the relay writes to the end. */
  readonly retired: ReadonlySet<string>;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly time: StoreTime;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** `null`: no tokens are made or taken here. */
  readonly callbacks: Callbacks | null;
  /**
   * Tells everybody here of a change that is stored: local listeners, watchers, the feed, and the relay of notifiers.
   * Never throws and never waits.
   */
  announce(change: Announcement): void;
  /** Around every call of the application that a stop waits for. */
  readonly reentry: Reentry;
  /** What was met here and cannot be served here. */
  readonly unserved: Unserved;
  /** Says in the log, once per job, that it was read and its kind could not show it. Never throws. */
  readonly tellUnshowable: (job: { readonly id: string; readonly kind: string }, error: unknown) => void;
  /** Tells the application of a message that was put aside. Never throws and never waits. */
  tellParked(message: ParkedDelivery, reason: string): void;
  /** Tells the application of a try at a notifier. Never throws and never waits. */
  tellPublish(attempt: PublishAttempt): void;
  /** Takes entries that were trimmed from a history. Never throws. */
  archive(jobId: string, entries: readonly HistoryEntry[]): void;
}

/** A message that could not be read, as it came. Its body was written by anybody. */
export interface ParkedDelivery {
  /** The name of the queue. */
  readonly queue: string;
  readonly body: string;
  readonly receives: number;
  /** Unix milliseconds; `null` where the queue does not say. */
  readonly sentAt: number | null;
  readonly deadLetter: boolean;
}

/** A change that is stored. */
export interface Announcement {
  readonly snapshot: Snapshot;
  /** Empty for a change without an entry (progress). Read only where somebody hears, so it may be a getter. */
  readonly entries: readonly HistoryEntry[];
  /** The change was made in a transaction of the caller's, of which no store tells other processes. */
  readonly inTransaction?: boolean;
}

/** What a log may say of an error: its code, else its name. Its text may hold what belongs in no log. */
export function codeOf(error: unknown): string {
  return isWaybillError(error) ? error.code : isError(error) ? error.name : "not an Error";
}

/**
 * Why a queue failed, for a log: the sentence of the port's own error, which is written to be told, as the reason of a send
 * is. Of any other error nothing.
 */
export function queueReasonOf(error: unknown): { readonly reason?: string } {
  return isWaybillError(error, "queue.unavailable") ? { reason: error.message } : {};
}

/** What a decision may know, for one call. */
export function decideContext(core: Core, transitionId: string, actor: string | null): DecideContext {
  return { now: core.time.now(), policy: core.policy, transitionId, actor, random: core.ids.random() };
}
