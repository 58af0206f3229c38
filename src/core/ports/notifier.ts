import type { EventType, JobEvent } from "../event.js";

/**
 * - `delivered`: the receiver has it.
 * - `retry`: try again, `afterMs` at the earliest where the receiver asked for it.
 * - `rejected`: it never will be delivered; recorded and listed by `undelivered()`.
 */
export type PublishResult =
  | { readonly status: "delivered" }
  | { readonly status: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly status: "rejected"; readonly reason: string };

/** How a notifier is retried. */
export interface NotifierRetry {
  /** Attempts at one event before it is given up and listed. */
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Durable push: every event is offered until it is delivered, rejected or its attempts are used up; per job in order of
 * version, at least once.
 *
 * `publish` answers per event, in order. Events of one job come in order, lowest first; once one is answered `retry`, no
 * later one of the same job may be delivered by that call, and all are offered again. A rejection of the promise counts as
 * `retry` for all.
 */
export interface Notifier {
  publish(
    events: readonly JobEvent[],
    context: { readonly signal: AbortSignal },
  ): Promise<readonly PublishResult[]>;
  /** Only jobs of these kinds; others count as delivered. */
  readonly kinds?: readonly string[] | undefined;
  /** Only these events; others count as delivered. */
  readonly on?: readonly EventType[] | undefined;
  readonly retry?: Partial<NotifierRetry> | undefined;
  /** A publish that takes longer counts as `retry`. @default 15_000 // 15 s */
  readonly timeoutMs?: number | undefined;
  /** Most events in one `publish`. @default 20 */
  readonly maxBatch?: number | undefined;
  /** Frees what the notifier made itself. Safe to call twice. */
  close?(): Promise<void>;
}

/** Declares a notifier. */
export function defineNotifier(notifier: Notifier): Notifier {
  return notifier;
}
