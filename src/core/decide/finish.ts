import { type HistoryEntry, historyOf } from "../job/history.js";
import { type Awaiting, isStoreQueued, type JobRecord, type Snapshot } from "../job/record.js";
import { backoffMs } from "./backoff.js";
import {
  change,
  type Change,
  clip,
  type Decision,
  type DecideContext,
  type EntryDraft,
  NO_CLAIM,
} from "./change/change.js";
import { type FailureFacts, failed } from "./failed.js";
import {
  entitled,
  type EntitledSnapshot,
  type Held,
  NO_UPDATES,
  underClaim,
  type Updates,
  updatesEffect,
} from "./held.js";
import { LAPSED } from "./suspect.js";
import type { RetryPolicy } from "../defaults.js";
import type { Json } from "../json/json.js";
import type { WriteGuard } from "../ports/store.js";

const RELEASED = "released";
const NOTHING_SAID: ReturnType<typeof updatesEffect> = { patch: {}, drafts: [] };

/** T5: the output is valid, sized and nothing external is open. A request to cancel comes too late for it. */
export const complete = underClaim<Held & { readonly output: string }>(
  (snapshot, { output, updates = NO_UPDATES }, context) => completed(snapshot, output, updates, context),
);

/** What no completed job has any more. */
const COMPLETED = { ...NO_CLAIM, etaAt: null, lastError: null } as const;

/** The one way to COMPLETED, for a claim and for proof about external work. */
export function completed(
  snapshot: EntitledSnapshot,
  output: string,
  updates: Updates,
  context: DecideContext,
): Change {
  const said = updatesEffect(snapshot, updates);
  return change(snapshot, context, {
    drafts: [...said.drafts, { edge: "T5" }],
    patch: { finishedAt: context.now, ...said.patch, ...COMPLETED },
    output,
  });
}

/** T6: for good, whatever attempts remain. */
export const fail = underClaim<Held & { readonly failure: FailureFacts }>(
  (snapshot, { failure, updates = NO_UPDATES }, context) => {
    const said = updatesEffect(snapshot, updates);
    return failed(snapshot, failure, context, { before: said.drafts, patch: said.patch });
  },
);

/** T6(`cancelled`): the handler gave in to the request. */
export const giveIn = underClaim<Held>((snapshot, { updates = NO_UPDATES }, context) =>
  cancelled(snapshot, context, updatesEffect(snapshot, updates)),
);

/** What went wrong in one attempt. */
export interface AttemptError {
  readonly message: string;
  readonly code: string | null;
  readonly expose: boolean;
  /** The application's own account of it. */
  readonly details?: Json;
  /** When to try again; `null`: by the kind's backoff. */
  readonly afterMs: number | null;
}

/** T7 while attempts remain, else T6(`attempts_exhausted`); a request to cancel ends it as cancelled. */
export const retry = underClaim<Held & { readonly error: AttemptError; readonly policy: RetryPolicy }>(
  (snapshot, { error, policy, updates = NO_UPDATES }, context) =>
    again(snapshot, error, policy, updates, context),
);

/** T7 or its end, for a failed attempt and for external work that may be started anew. */
export function again(
  snapshot: EntitledSnapshot,
  error: AttemptError,
  policy: RetryPolicy,
  updates: Updates,
  context: DecideContext,
): Change {
  const { record } = snapshot;
  const said = updatesEffect(snapshot, updates);
  if (record.cancel !== null) return cancelled(snapshot, context, said);
  const { code, expose, details = null } = error;
  const message = clip(error.message, context.policy.maxTextChars);
  const lastError = { message, code, expose, at: context.now, attempt: record.attempt };
  if (record.attempt >= record.maxAttempts) {
    const failure: FailureFacts = {
      ...{ reason: "attempts_exhausted", message, code, expose, details, retryable: true },
    };
    return failed(snapshot, failure, context, { before: said.drafts, patch: { ...said.patch, lastError } });
  }
  const waitMs = error.afterMs ?? backoffMs(record.attempt, policy, context.random);
  return returned(snapshot, { reason: "error", text: message, expose, waitMs, said }, context, {
    lastError,
    retryAt: context.now + waitMs,
  });
}

/** FAILED(`cancelled`), with the words of whoever asked. */
export function cancelled(
  snapshot: EntitledSnapshot,
  context: DecideContext,
  said: ReturnType<typeof updatesEffect> = NOTHING_SAID,
  guard?: Pick<WriteGuard, "expiredLease">,
): Change {
  const message = snapshot.record.cancel?.reason ?? "Cancelled.";
  return failed(snapshot, { reason: "cancelled", message, expose: true }, context, {
    before: said.drafts,
    patch: said.patch,
    ...(guard === undefined ? {} : { guard }),
  });
}

interface Releasing extends Held {
  readonly policy: RetryPolicy;
  readonly afterMs?: number;
  /** The handler was called. @default true */
  readonly begun?: boolean;
}

/**
 * T7 at an orderly shutdown: the attempt is given back, and in the store's own queue the place. A job that always meets a
 * shutdown while it runs, or causes it, is written as a retry in the end, so that its attempts do run out. One that was only
 * claimed ahead has done nothing: no shutdown is counted against it.
 */
export const release = underClaim<Releasing>((snapshot, held, context) => {
  const { record } = snapshot;
  const { policy, updates = NO_UPDATES, afterMs = 0, begun = true } = held;
  const said = updatesEffect(snapshot, updates);
  if (record.cancel !== null) return cancelled(snapshot, context, said);
  const releases = begun ? record.releases + 1 : record.releases;
  if (begun && record.releases >= context.policy.maxReleases) {
    const message = "The job was given back at too many shutdowns while it ran.";
    return again(snapshot, { message, code: null, expose: false, afterMs: 0 }, policy, updates, context);
  }
  return returned(snapshot, { reason: RELEASED, waitMs: afterMs, said }, context, {
    attempt: record.attempt - 1,
    releases,
    ...(isStoreQueued(record) && afterMs === 0 ? { readyAt: placeOf(record) } : {}),
  });
});

/** The place of a job in the store's own queue: when it was last put there, other than by being given back. */
function placeOf(record: JobRecord): number {
  let place = record.createdAt;
  let before: HistoryEntry | null = null;
  for (const entry of historyOf(record)) {
    if (entry.edge === "T2" && before?.reason !== RELEASED) place = entry.at;
    before = entry;
  }
  return place;
}

/**
 * A claim whose lease has passed, by the store's clock. Repeated in the store on the lease instant as observed: a
 * heartbeat that lands first, or a claim re-applied late after a rollback, wins.
 */
export function sweep(snapshot: Snapshot, context: DecideContext): Decision {
  const { record } = snapshot;
  const { leaseUntil } = record;
  if (record.status !== "PROCESSING" || record.awaiting !== null)
    return { do: "refuse", reason: "not_in_status" };
  if (leaseUntil === null || leaseUntil > context.now) return { do: "refuse", reason: "not_due" };
  const lapsed = entitled(snapshot);
  const guard = { expiredLease: leaseUntil };
  if (record.cancel !== null) return cancelled(lapsed, context, NOTHING_SAID, guard);
  const message = "The worker stopped answering before it was done.";
  if (record.attempt >= record.maxAttempts) {
    return failed(snapshot, { reason: "lease_lost", message, retryable: true }, context, { guard });
  }
  const lastError = { message, code: null, expose: false, at: context.now, attempt: record.attempt };
  const why = { reason: LAPSED, waitMs: 0, said: NOTHING_SAID };
  return returned(lapsed, why, context, { lastError }, guard);
}

interface Return {
  readonly reason: string;
  readonly text?: string;
  readonly expose?: boolean;
  readonly waitMs: number;
  readonly said: ReturnType<typeof updatesEffect>;
}

/**
 * T7 (with T2 where the store is the queue): back to be run again under a new dispatch, which the queue or the application
 * hands over.
 */
function returned(
  snapshot: EntitledSnapshot,
  why: Return,
  context: DecideContext,
  more: Parameters<typeof change>[2]["patch"],
  guard: Parameters<typeof change>[2]["guard"] = {},
): Change {
  const { record } = snapshot;
  const at = context.now + why.waitMs;
  const inStore = isStoreQueued(record);
  const { patch: said } = why.said;
  const left: EntryDraft = {
    edge: "T7",
    reason: why.reason,
    text: why.text ?? null,
    expose: why.expose ?? false,
  };
  return change(snapshot, context, {
    drafts: [...why.said.drafts, left, ...(inStore ? [{ edge: "T2" } as const] : [])],
    guard,
    patch: {
      // Said to be nothing is said too.
      checkpoint: said.checkpoint === undefined ? record.checkpoint : said.checkpoint,
      ...NO_CLAIM,
      dispatch: record.dispatch + 1,
      send: 0,
      worker: null,
      phase: null,
      progress: null,
      percent: null,
      etaAt: null,
      readyAt: inStore ? at : null,
      sendAt: inStore ? null : at,
      ...more,
    },
  });
}

interface Tracking extends Held {
  readonly awaiting: Pick<Awaiting, "ref" | "refKeys" | "deadlineAt" | "nextPollAt" | "cancellable">;
}

/** External work is open: the claim ends, the job stays PROCESSING until proof arrives. */
export const awaitExternal = underClaim<Tracking>((snapshot, held, context) => {
  const { cancel, phase, fence } = snapshot.record;
  const { now } = context;
  const said = updatesEffect(snapshot, held.updates ?? NO_UPDATES);
  return change(snapshot, context, {
    drafts: [...said.drafts, { edge: "waiting", reason: said.patch.phase ?? phase }],
    patch: {
      ...said.patch,
      token: null,
      leaseUntil: null,
      worker: null,
      awaiting: {
        ...held.awaiting,
        fence,
        since: now,
        // Nobody heartbeats while it waits, so nobody else would learn of the request.
        nextPollAt: cancel === null ? held.awaiting.nextPollAt : now,
        pollErrors: 0,
        cancelSent: false,
      },
    },
  });
});
