import type { Cursor } from "../../job/record.js";
import type { PublishResult } from "../../ports/notifier.js";

/**
 * One try of one event at one notifier, as `onPublish` is told of it. What waits without being tried, behind an open breaker,
 * is no try.
 */
export interface PublishAttempt {
  readonly notifier: string;
  /** What the notifier's `lane` says of the event; `""` where it has none. */
  readonly lane: string;
  readonly eventId: string;
  readonly jobId: string;
  /** 1 for the first try, and for each of `redeliver`; tries and waits before it count. */
  readonly attempt: number;
  /** `given_up`: this try failed, and the time that the notifier has for the event is over. */
  readonly outcome: PublishResult["status"] | "given_up";
  /** `null`: delivered. */
  readonly reason: string | null;
  /** Of the whole call, which may have carried other events. */
  readonly durationMs: number;
}

/** What a try came to, by where it left the cursor. */
export function outcomeOf(
  result: PublishResult,
  version: number,
  { exhausted }: Cursor,
): PublishAttempt["outcome"] {
  return result.status === "retry" && exhausted.includes(version) ? "given_up" : result.status;
}
