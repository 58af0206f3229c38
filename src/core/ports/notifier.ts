import type { EventType, ServerEvent } from "../job/event.js";
import type { PublicView } from "../view/public-view.js";

/**
 * - `delivered`: the receiver has it.
 * - `retry`: this try failed; another follows by the backoff, `afterMs` at the earliest where the receiver asked for it.
 *   Counts against the time that a notifier has for an event.
 * - `held`: it is not tried now (a rate limit, an open breaker), and waits `afterMs` (1 s to 24 h) without using anything up.
 * - `rejected`: it never will be delivered, for the event itself (its size, a field that is refused); recorded and listed by
 *   `undelivered()`. A key, a permission or an address that is wrong is `retry`: it is mended and the event still wanted.
 *
 * `reason`, at most 200 characters, reaches the log, telemetry and the list of what was not delivered. It holds no payload,
 * no credential, and no address with credentials.
 */
export type PublishResult =
  | { readonly status: "delivered" }
  | { readonly status: "retry"; readonly reason: string; readonly afterMs?: number }
  | { readonly status: "held"; readonly reason: string; readonly afterMs: number }
  | { readonly status: "rejected"; readonly reason: string };

/** What a publish may use beside its events. */
export interface PublishContext {
  /**
   * Aborts when the publish has taken too long, or Waybill is closed. In the first case answers are heard for a second more:
   * what is known to be delivered is not sent again.
   */
  readonly signal: AbortSignal;
  /**
   * The public view of a job as it is stored now, which may be newer than the event; `null`: the job is gone, or its kind is
   * not known here. Read once for all events of one publish, and only when asked.
   */
  view(jobId: string): Promise<PublicView | null>;
}

/** What every notifier's factory takes. */
export interface NotifierOptions<K extends string = string> {
  /** Only jobs of these kinds; others count as delivered. */
  readonly kinds?: readonly K[] | undefined;
  /** Only these events; others count as delivered. */
  readonly on?: readonly EventType[] | undefined;
  /** How long an event is tried, from its first try on, before it is given up and listed. @default 259_200_000 // 72 h */
  readonly giveUpAfterMs?: number | undefined;
  /** A publish that takes longer counts as `retry`. @default 15_000 // 15 s */
  readonly timeoutMs?: number | undefined;
}

/**
 * Durable push: every event is offered until it is delivered, rejected or its time is over; per job in order of version, at
 * least once. Of a job with more undelivered events than its history holds, one warning takes the place of the oldest, which
 * says how many there were.
 *
 * `publish` answers per event, in order. Events of one job come in order, lowest first; once one is answered `retry` or
 * `held`, no later one of the same job may be delivered by that call, and all are offered again. A rejection of the promise
 * counts as `retry` for all. Several calls may be under way at once. The events are
 * given to other notifiers, too: they are read and not changed.
 */
export interface Notifier<K extends string = string> extends NotifierOptions<K> {
  publish(events: readonly ServerEvent[], context: PublishContext): Promise<readonly PublishResult[]>;
  /**
   * With whom an event shares its fate (such as an owner's endpoint): events of one lane wait for each other when it fails,
   * others do not wait for it. Events of one publish are of one lane. Pure and quick. @default all share one lane
   */
  lane?(event: ServerEvent): string;
  /** Most events in one `publish`. @default 20 */
  readonly maxBatch?: number | undefined;
  /** Frees what the notifier made itself. Safe to call twice. */
  close?(): Promise<void>;
}

/** Declares a notifier. */
export function defineNotifier<const K extends string = string>(notifier: Notifier<K>): Notifier<K> {
  return notifier;
}
