import { type EdgeId, type JobStatus, TRANSITIONS } from "../job/lifecycle.js";
import type { WriteGuard } from "../ports/store.js";
import type { RecordPatch, Snapshot, StoredFailure } from "../job/record.js";
import type { Json } from "../json/json.js";
import { type Change, change, clip, type DecideContext, type EntryDraft, NO_CLAIM } from "./change/change.js";
import { byteLength } from "./change/trim.js";

/** What a command says of a failure; the rest has defaults. */
export type FailureFacts = Pick<StoredFailure, "reason" | "message"> & Partial<StoredFailure>;

const EDGE_TO_FAILED: Readonly<Record<JobStatus, EdgeId>> = {
  PENDING: TRANSITIONS.PENDING.failed,
  QUEUED: TRANSITIONS.QUEUED.failed,
  PROCESSING: TRANSITIONS.PROCESSING.failed,
  // No edge leaves a final status: `change` refuses before these are used.
  COMPLETED: "T6",
  FAILED: "T6",
};

interface Extra {
  /** Entries that come first in the same write. */
  readonly before?: readonly EntryDraft[];
  readonly patch?: Partial<
    Pick<RecordPatch, "progress" | "percent" | "etaAt" | "phase" | "checkpoint" | "lastError">
  >;
  readonly guard?: Pick<WriteGuard, "expiredLease" | "dispatch">;
}

/** T6, T8, T9: the one way to FAILED. The last progress stays, to tell how far it came. */
export function failed(
  snapshot: Snapshot,
  facts: FailureFacts,
  context: DecideContext,
  extra: Extra = {},
): Change {
  const before = extra.before ?? [];
  const status = before.some((draft) => draft.edge === "T2") ? "QUEUED" : snapshot.record.status;
  const message = clip(facts.message, context.policy.maxTextChars);
  const details = withinBytes(facts.details ?? null, context.policy.maxDetailsBytes);
  const failure: StoredFailure = { code: null, expose: false, retryable: false, ...facts, message, details };
  return change(snapshot, context, {
    drafts: [
      ...before,
      { edge: EDGE_TO_FAILED[status], reason: failure.reason, text: failure.message, expose: failure.expose },
    ],
    patch: {
      ...extra.patch,
      ...NO_CLAIM,
      failure,
      finishedAt: context.now,
      readyAt: null,
      sendAt: null,
      retryAt: null,
      etaAt: null,
    },
    ...(extra.guard === undefined ? {} : { guard: extra.guard }),
  });
}

/** Whole or not at all: part of a JSON document is none. Whoever lets it in says that it was too large. */
function withinBytes(details: Json, maxBytes: number): Json {
  return details === null || byteLength(JSON.stringify(details)) <= maxBytes ? details : null;
}
