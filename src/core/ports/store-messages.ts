import type { EntryTemplate } from "../job/history.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { Cursor, Cursors, JobRecord, RecordPatch } from "../job/record.js";

/**
 * Every call carries the caller's clock, Unix milliseconds; a store with `clock: "caller"` decides by it, one with a server
 * clock ignores it.
 */
export interface StoreRequest {
  readonly nowMs: number;
}

/** Every reply carries the clock that the store decided by, Unix milliseconds. */
export interface StoreReply {
  readonly nowMs: number;
}

/**
 * Ids of records that a call met and that cannot be read, because something else wrote to the store. They are left out of
 * the answer and never in the way of the others; the core puts each aside, where people see it. Absent: none.
 */
export interface Unreadable {
  readonly unreadable?: readonly string[];
}

/** A job as a store returns it. `input` and `output` are JSON text, present only where they were asked for. */
export interface StoredJob {
  readonly record: JobRecord;
  readonly cursors: Cursors;
  readonly input?: string;
  /** `null`: no output is stored. */
  readonly output?: string | null;
}

// ---- create ------------------------------------------------------------------------------------------------------------

/** One new job: the core has checked the input and made the record. Both are stored together, or neither is. */
export interface CreateItem {
  /** The whole first record, with its first history entries. */
  readonly record: JobRecord;
  /** JSON text. */
  readonly input: string;
}

/**
 * - `created`: stored by this call.
 * - `existing`: a job with this id, or this scope, is stored already; the core decides whether it is the caller's own.
 */
export type CreateResult =
  { readonly status: "created" } | { readonly status: "existing"; readonly job: StoredJob };

/**
 * New jobs, of different ids; several may name the same scope: one of them gets it, whichever. Without items nothing is
 * stored, and the answer is the store's clock: the core asks for it so.
 */
export interface CreateRequest<Tx = unknown> extends StoreRequest {
  readonly items: readonly CreateItem[];
  /** The caller's transaction (`capabilities.transactions`): the records exist when it commits. */
  readonly tx?: Tx;
}

/** One result for each item, in order. */
export interface CreateReply extends StoreReply {
  readonly results: readonly CreateResult[];
}

// ---- read --------------------------------------------------------------------------------------------------------------

/** Jobs by id. Input and output come along only where asked for, since they may be large. */
export interface ReadRequest extends StoreRequest {
  readonly ids: readonly string[];
  readonly input?: boolean;
  readonly output?: boolean;
}

/**
 * Has no `unreadable`: a record that cannot be read rejects the whole call with `store.corrupt`, and the core asks for the
 * others without it.
 */
export interface ReadReply extends StoreReply {
  /** In the order of the ids; `null`: no such job. */
  readonly jobs: readonly (StoredJob | null)[];
}

// ---- write -------------------------------------------------------------------------------------------------------------

/** What must hold of the stored record, evaluated inside the store, atomically with the patch. */
export interface WriteGuard {
  /** The status as observed. Never a final one: final is absorbing. */
  readonly status: Exclude<JobStatus, "COMPLETED" | "FAILED">;
  readonly version: number;
  /** The claim's token as observed; `null` = nobody holds one. It survives a store that lost writes and repeats versions. */
  readonly token: string | null;
  /** A sweep: the lease instant as observed, and it must have passed (≤ now) by the clock that the store decides by. */
  readonly expiredLease?: number;
  /** A mark: the dispatch that was sent. */
  readonly dispatch?: number;
}

/** One change, decided by the core: where `guard` holds all of it is written in one step, else nothing. */
export interface WriteItem {
  readonly id: string;
  readonly guard: WriteGuard;
  /** A field that it names is replaced, whole: objects in it are never merged with what was there. */
  readonly patch: RecordPatch & { readonly version: number };
  /**
   * `append`: encoded entries behind the stored ones (may be ""). `replace`: the whole history, to trim; `historyTrimmed`
   * is then in the patch.
   */
  readonly history: { readonly append: string } | { readonly replace: string };
  /** Sets `leaseUntil` to the store's now + this. Only on a claim that is held. */
  readonly leaseMs?: number;
  /** JSON text; written once, in the same atomic step. */
  readonly output?: string;
}

/**
 * - `ok`: the patch is durable. `leaseUntil` where `leaseMs` was given.
 * - `refused`: the guard did not hold and nothing was written; `job` is what is stored.
 * - `gone`: no record of this id.
 */
export type WriteResult =
  | { readonly status: "ok"; readonly leaseUntil?: number }
  | { readonly status: "refused"; readonly job: StoredJob }
  | { readonly status: "gone" };

/** Changes of different jobs, each judged by itself: one that is refused leaves the others alone. */
export interface WriteRequest extends StoreRequest {
  readonly items: readonly WriteItem[];
  /**
   * `capabilities.writeThenClaim`: claimed after all items, in the same atomic step or the same trip. A store whose data is
   * spread may take a second trip where the first left room.
   */
  readonly thenClaim?: ClaimNext;
}

/** `unreadable`: of what was claimed. A refusal that cannot be told, since its record cannot be read, rejects: `store.corrupt`. */
export interface WriteReply extends StoreReply, Unreadable {
  readonly results: readonly WriteResult[];
  /** Answer to `thenClaim`: present where it was asked, and empty where nothing was ready. */
  readonly claimed?: readonly StoredJob[];
}

// ---- beat --------------------------------------------------------------------------------------------------------------

/** A worker's sign of life: the lease of the claim that `token` proves is to end `leaseMs` after the store's now. */
export interface BeatItem {
  readonly id: string;
  readonly token: string;
  readonly leaseMs: number;
}

/** `ok`: the lease is extended. `version` and `cancelRequested` tell the worker what it has not seen. */
export type BeatResult =
  | {
      readonly status: "ok";
      readonly leaseUntil: number;
      readonly version: number;
      readonly cancelRequested: boolean;
    }
  | { readonly status: "refused"; readonly job: StoredJob }
  | { readonly status: "gone" };

/** Signs of life of claims that one process holds, each about three times a lease: the call to make cheap. */
export interface BeatRequest extends StoreRequest {
  readonly items: readonly BeatItem[];
}

/** One result for each item, in order. */
export interface BeatReply extends StoreReply {
  readonly results: readonly BeatResult[];
}

// ---- claim -------------------------------------------------------------------------------------------------------------

/** What every claim carries. */
export interface ClaimTerms {
  /** Who claims, for people to read. */
  readonly worker: string;
  /** Records of a newer format are left. */
  readonly recordVersion: number;
  /** A record with notifiers is looked at no later than this after the claim. */
  readonly notifyGraceMs: number;
  /** The entry of a claim (T4). */
  readonly started: EntryTemplate;
  /** The entry before it where the record is still PENDING (T2): version + 1, the attempt as it was. */
  readonly queued: EntryTemplate;
}

/**
 * The next ready jobs: status QUEUED, `queue` null, `readyAt` ≤ now, kind among `kinds`, oldest `readyAt` first (ties by
 * id). One fresh token per call; asked again with the same token, what it holds already (PROCESSING under it, with input) is
 * answered first, and both together are no more than `limit`.
 */
export interface ClaimNext {
  readonly terms: ClaimTerms;
  readonly token: string;
  /** Each kind once. */
  readonly kinds: readonly { readonly kind: string; readonly leaseMs: number }[];
  readonly limit: number;
}

/**
 * One job by a message: QUEUED, or PENDING with `sendAt` ≤ now, and `dispatch` ≥ the record's. One token per delivery;
 * PROCESSING under the same token answers the claim again without a write. Never one id twice in a call.
 */
export interface ClaimByMessage {
  readonly id: string;
  readonly dispatch: number;
  readonly token: string;
  readonly leaseMs: number;
}

/**
 * Effect of both, one atomic step: PROCESSING; version + entries; dispatch = the higher of both; fence + 1; attempt + 1;
 * token, worker, lease; `startedAt` and `queuedAt` where null; `readyAt`, `sendAt`, `retryAt` null; `updatedAt`;
 * `wakeAt` = the least of lease, deadline and (with notifiers) now + grace. Every other field stays: what earlier attempts
 * left, a checkpoint and a request to cancel above all. Whether a job should be run is no question here.
 */
export type ClaimRequest = StoreRequest &
  (
    | { readonly next: ClaimNext; readonly byMessage?: never }
    | {
        readonly next?: never;
        readonly byMessage: { readonly terms: ClaimTerms; readonly items: readonly ClaimByMessage[] };
      }
  );

/** Answer to one `ClaimByMessage`; `refused` carries what is stored, so that the delivery can be judged. */
export type ClaimResult =
  | { readonly status: "ok"; readonly job: StoredJob }
  | { readonly status: "refused"; readonly job: StoredJob }
  | { readonly status: "gone" };

/** Which job of the store's own queue is ready next, and when (Unix milliseconds): a worker asks again by then. */
export interface NextReady {
  readonly id: string;
  readonly readyAt: number;
}

/** `unreadable`: claimed like the others, so that they are not met again before the lease is over, and left out of `jobs`. */
export interface ClaimReply extends StoreReply, Unreadable {
  /** Answer to `next`, with input. */
  readonly jobs: readonly StoredJob[];
  /** Answer to `byMessage`, item by item; `ok` comes with input. */
  readonly results: readonly ClaimResult[];
  /** Where `next` brought less than it asked for: which job is ready next; `null`: none. Left out where the engine cannot tell. */
  readonly nextReady?: NextReady | null;
}

// ---- wake-up -----------------------------------------------------------------------------------------------------------

/** A place in the order of wake-ups: by their instant (Unix milliseconds), then by id. */
export interface WakePosition {
  readonly wakeAt: number;
  readonly id: string;
}

/**
 * The records whose wake-up has come, oldest first, each postponed (never cleared) to now + `holdMs` in one atomic step. One
 * that cannot be read is postponed with the others and told in `unreadable`.
 */
export interface TakeDueRequest extends StoreRequest {
  readonly limit: number;
  /** Most 30,000 ms: what a reconciler took and lost in a crash waits no longer. The core keeps to it. */
  readonly holdMs: number;
  /** Pages on within a pass: only what lies behind this place of (wakeAt, id), whose job has moved since. */
  readonly after?: WakePosition;
}

/** A page of what is due, without input and output. One without jobs ends the reconciler's pass. */
export interface TakeDueReply extends StoreReply, Unreadable {
  /** With the wake-up as it was before it was postponed, for paging. */
  readonly jobs: readonly (StoredJob & { readonly dueAt: number })[];
  /**
   * When the next record that is not due yet will be, Unix milliseconds, as of this call; `null`: none has a wake-up. Left out
   * where the engine cannot tell without a round trip more.
   */
  readonly nextDueAt?: number | null;
}

/**
 * The record that a wake-up was planned on. The version alone would do on a store that keeps what it acknowledged; on one
 * that lost writes versions come again, and the plan of a lost end must not silence the job that is run anew.
 */
export interface PlannedOn {
  readonly status: JobStatus;
  readonly version: number;
  readonly token: string | null;
}

/**
 * What a relay or a reconciler found out about one job: how far its notifiers have got, when somebody must look at it next,
 * and when it may be removed (both Unix milliseconds; `null`: as things stand, never).
 */
export interface AdvanceItem {
  readonly id: string;
  /** What `wakeAt` and `purgeAt` were planned on. */
  readonly plannedOn: PlannedOn;
  /** Written with `purgeAt` if the stored record is that one and no given cursor is behind the stored one (`isBehind`). */
  readonly wakeAt: number | null;
  readonly purgeAt: number | null;
  /**
   * Where `wakeAt` is not written: a stored wake-up that is later is brought forward to this. Another relay's plan may
   * rest on old cursors, and a notification that is due must not wait for its retry.
   */
  readonly latestWakeAt: number;
  /** All cursors that the plan rests on, moved or not; merged per name by `mergeCursor`. May be empty. */
  readonly cursors: Readonly<Record<string, Cursor>>;
}

/**
 * - `ok`: cursors merged; `wake` says whether `wakeAt` and `purgeAt` were written too.
 * - `refused`: an engine that cannot write a part of it wrote nothing (version moved on).
 * Both return what is stored now.
 */
export type AdvanceResult =
  | { readonly status: "ok"; readonly wake: "written" | "kept"; readonly cursors: Cursors }
  | { readonly status: "refused"; readonly cursors: Cursors }
  | { readonly status: "gone" };

/** Plans and cursors of different jobs, each judged by itself. */
export interface AdvanceRequest extends StoreRequest {
  readonly items: readonly AdvanceItem[];
}

/** One result for each item, in order. */
export interface AdvanceReply extends StoreReply {
  readonly results: readonly AdvanceResult[];
}

// ---- list --------------------------------------------------------------------------------------------------------------

/**
 * A page of jobs. A filter that is left out admits every job, and those that are given must all hold; `owner: null`: jobs of
 * nobody.
 */
export interface ListRequest extends StoreRequest {
  readonly owner?: string | null;
  readonly subject?: string;
  /** Of any of them; of none: no job. */
  readonly kinds?: readonly string[];
  /** In any of them; in none: no job. */
  readonly statuses?: readonly JobStatus[];
  /** Only jobs with an entry that a notifier gave up. */
  readonly undeliverable?: boolean;
  readonly limit: number;
  /** Behind this place of (createdAt, id), newest first, whether its job is still there or not. */
  readonly after?: { readonly createdAt: number; readonly id: string };
  readonly input?: boolean;
  readonly output?: boolean;
}

/** A page of `list`: go on with `next` until it is `null`, however few jobs a page holds. */
export interface ListReply extends StoreReply, Unreadable {
  /** Newest first by (createdAt, id). A page may be short. */
  readonly jobs: readonly StoredJob[];
  /** Where the next page begins; `null`: this was the last. */
  readonly next: { readonly createdAt: number; readonly id: string } | null;
}

/** Asks which jobs of a kind await external work under this key, when an outside event reports it. */
export interface ByRefRequest extends StoreRequest {
  readonly kind: string;
  readonly refKey: string;
  /** Of this owner only, `null`: of nobody; left out: anybody's. */
  readonly owner?: string | null;
}

/** Newest first, at most 10, without input and output. */
export interface ByRefReply extends StoreReply, Unreadable {
  readonly jobs: readonly StoredJob[];
}
