import type { Json } from "../json/json.js";
import type { JobStatus } from "./lifecycle.js";
import type { Trace } from "./trace.js";

/** The record format that this build writes. A record of a newer format is left to processes that know it. */
export const RECORD_VERSION = 1;

/**
 * Why a job is FAILED. Closed: a new reason is a new record format.
 *
 * - `error`: the handler threw a `PermanentError`.
 * - `attempts_exhausted`: the last attempt failed as those before it.
 * - `cancelled`: somebody asked for it.
 * - `deadline_exceeded`: it was not done within its `deadlineMs`.
 * - `lease_lost`: the worker of the last attempt stopped answering.
 * - `dead_lettered`: the queue gave its message up more often than `policy.maxRedrives`, and no worker took it.
 * - `enqueue_rejected`: the queue refused its message for good.
 * - `input_invalid`: the stored input does not match the kind's schema any more.
 * - `output_invalid`: what a handler or a poll returned does not match the schema; its effects outside have happened.
 * - `result_unstorable`: the output is too large, or holds what the store cannot keep; its effects outside have happened.
 * - `external_failed`: a poll or an outside event said that the external work failed.
 * - `external_timeout`: the external work was open for too long, and its outcome is not known.
 * - `unparsable`: reserved; this version writes it of no job.
 */
export type FailureReason =
  | "error"
  | "attempts_exhausted"
  | "cancelled"
  | "deadline_exceeded"
  | "lease_lost"
  | "dead_lettered"
  | "enqueue_rejected"
  | "input_invalid"
  | "output_invalid"
  | "result_unstorable"
  | "external_failed"
  | "external_timeout"
  | "unparsable";

/** What is known of an error of one attempt. `expose`: the text may leave the server. */
export interface StoredError {
  readonly message: string;
  readonly code: string | null;
  readonly expose: boolean;
  readonly at: number;
  readonly attempt: number;
}

/** Why and how a job ended FAILED. `expose`: the text may leave the server. */
export interface StoredFailure {
  readonly reason: FailureReason;
  readonly message: string;
  readonly code: string | null;
  readonly expose: boolean;
  readonly retryable: boolean;
  /** The application's own account of it, at most 4 KiB; `null`: none. Leaves the server only with `expose`. */
  readonly details: Json;
}

/** Open external work: PROCESSING with nobody holding a claim. */
export interface Awaiting {
  readonly ref: Json;
  /** What an outside event may know of the work; `byRef` finds the job by any of them. */
  readonly refKeys: readonly string[];
  /** Of the claim that launched it: a callback of an older launch is not about this one. Polls raise the record's own. */
  readonly fence: number;
  readonly since: number;
  readonly deadlineAt: number;
  readonly nextPollAt: number;
  /** Polls that failed one after the other; the next is backed off by it. */
  readonly pollErrors: number;
  /** The handler that tracked it can cancel it outside. */
  readonly cancellable: boolean;
  /** The outside has accepted the request to cancel; polls go on until it confirms. */
  readonly cancelSent: boolean;
}

/** Who polls external work right now. Its expiry makes the poll due again and never runs the job a second time. */
export interface PollClaim {
  readonly token: string;
  readonly until: number;
}

/** A request to cancel work that is running. */
export interface CancelRequest {
  readonly at: number;
  readonly actor: string | null;
  readonly reason: string | null;
}

/** Written once, at create. The indexes of `list` use only these. */
export interface FixedFields {
  readonly id: string;
  readonly kind: string;
  readonly owner: string | null;
  readonly subject: string | null;
  readonly metadata: Json;
  /** The named queue that hands the job over; `null`: the store is the queue, unless `handOver` says otherwise. */
  readonly queue: string | null;
  /** `own`: the application hands the job over itself. Nobody sends it, and it is PENDING until it is claimed by its id. */
  readonly handOver: "own" | null;
  readonly maxAttempts: number;
  readonly recordVersion: number;
  /** The durable notifiers that must hear of every entry, by configured name. */
  readonly notifiers: readonly string[];
  readonly createdAt: number;
  /** The job that this one runs again. */
  readonly origin: string | null;
  /** Owner, kind and idempotency key, hashed; `null` without a key. */
  readonly scope: string | null;
  /** Hash of the canonical input; `null` without a key. */
  readonly inputHash: string | null;
  readonly deadlineAt: number | null;
  /** How long a settled record is kept, milliseconds. */
  readonly retainMs: number;
  /** The trace that the job was submitted in. */
  readonly trace: Trace | null;
}

/** Changed by commands, through a patch with a guard. All instants are Unix milliseconds. */
export interface ChangingFields {
  readonly status: JobStatus;
  /** Grows by the number of entries that a change appends, at least 1; never for a mere heartbeat. */
  readonly version: number;
  /** The number of the hand-over to a queue, carried in the message. */
  readonly dispatch: number;
  /** How often the current dispatch was sent again on doubt. */
  readonly send: number;
  readonly releases: number;
  readonly redrives: number;
  /** How often it has been run, for the retry policy. Never a fence. */
  readonly attempt: number;
  /** Grows at every claim; for outside resources. */
  readonly fence: number;
  /** The secret of the current claim; `null` when nobody holds one. */
  readonly token: string | null;
  readonly worker: string | null;
  /** `null` when nobody holds a claim: absent is never "expired". */
  readonly leaseUntil: number | null;
  readonly phase: string | null;
  readonly progress: Json;
  readonly percent: number | null;
  readonly etaAt: number | null;
  readonly startedAt: number | null;
  readonly queuedAt: number | null;
  readonly updatedAt: number;
  readonly finishedAt: number | null;
  /** QUEUED in the store: claimable from here on. `null` in every other case: this is the ready index. */
  readonly readyAt: number | null;
  /** PENDING: the dispatch may be sent (unless the application hands it over) and claimed from here on. QUEUED in a named queue: send again from here on. */
  readonly sendAt: number | null;
  /** After a failed attempt: when the next may begin. What users see of a backoff. */
  readonly retryAt: number | null;
  readonly lastError: StoredError | null;
  readonly awaiting: Awaiting | null;
  readonly poll: PollClaim | null;
  readonly cancel: CancelRequest | null;
  readonly checkpoint: Json;
  readonly failure: StoredFailure | null;
  /** Encoded entries, joined by commas (`history.ts`). Opaque to stores. */
  readonly history: string;
  /** Entries trimmed from the old end. */
  readonly historyTrimmed: number;
  /** When somebody must look at the record; `null`: settled, or only the ready index leads to it. */
  readonly wakeAt: number | null;
  /** When a settled record may be removed. */
  readonly purgeAt: number | null;
}

/** Whether the store hands the job over: it is QUEUED as soon as it waits, and `claim` finds it by its kind. */
export function isStoreQueued({ queue, handOver }: Pick<FixedFields, "queue" | "handOver">): boolean {
  return queue === null && handOver === null;
}

/** The sparse index of `list` that a job is in by its status: entered at create, changed once, at the end. */
export type StatusIndex = "unfinished" | "failed";

/** `null`: COMPLETED, which is in none. */
export function statusIndexOf(status: JobStatus): StatusIndex | null {
  if (status === "COMPLETED") return null;
  return status === "FAILED" ? "failed" : "unfinished";
}

/** The sparse index that holds every job of these statuses; `null`: none does. */
export function indexOfStatuses(statuses: readonly JobStatus[] = []): StatusIndex | null {
  const [first = null, ...others] = statuses.map(statusIndexOf);
  return others.every((other) => other === first) ? first : null;
}

/** One job as stored, without what is cold (input, output) and what lives beside it (cursors). */
export interface JobRecord extends FixedFields, ChangingFields {}

/** What a change sets. History goes apart from it (`append` or `replace`). */
export type RecordPatch = Partial<Omit<ChangingFields, "history">>;

/** How far a notifier has got with one job. */
export interface Cursor {
  /** The version of the last entry that was delivered, or recorded as exhausted. */
  readonly upTo: number;
  /** Rises with every try of the entry after `upTo` and with every wait for it, so that of two cursors the newer is known. */
  readonly attempts: number;
  /** When the entry after `upTo` was first tried in vain; `null`: not yet. What a notifier has of time counts from here. */
  readonly since: number | null;
  /** When to try the entry after `upTo` again; `null`: not waiting. */
  readonly retryAt: number | null;
  /** Why the last try that failed did, in ≤ 200 characters; `null`: nothing waits and nothing is given up. */
  readonly reason: string | null;
  /** Versions that were given up, for `undelivered()`. */
  readonly exhausted: readonly number[];
}

/** Cursors by notifier name. A name without one stands at 0. */
export type Cursors = Readonly<Record<string, Cursor>>;

/** What a decision is made on: the record and the cursors, as last seen. */
export interface Snapshot {
  readonly record: JobRecord;
  readonly cursors: Cursors;
}

/** The cursor of a notifier that has not delivered anything. */
export const START: Cursor = {
  upTo: 0,
  attempts: 0,
  since: null,
  retryAt: null,
  reason: null,
  exhausted: [],
};

/**
 * Merges two cursors of one notifier: the higher `upTo` wins, at equal `upTo` the higher `attempts`, at equal attempts
 * the first. Every store does this inside its atomic `advance`.
 */
export function mergeCursor(stored: Cursor, given: Cursor): Cursor {
  if (given.upTo !== stored.upTo) return given.upTo > stored.upTo ? given : stored;
  return given.attempts > stored.attempts ? given : stored;
}

/**
 * Whether a cursor is older than the stored one: what was planned with it is planned on old news. At one place after as
 * many attempts the one with the later retry: of two relays that failed alike, the nearer retry counts.
 */
export function isBehind(given: Cursor, stored: Cursor): boolean {
  if (given.upTo !== stored.upTo) return given.upTo < stored.upTo;
  if (given.attempts !== stored.attempts) return given.attempts < stored.attempts;
  return (given.retryAt ?? 0) > (stored.retryAt ?? 0);
}
