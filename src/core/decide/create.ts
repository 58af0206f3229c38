import { decodeHistory, encodeHistory, type HistoryEntry } from "../history.js";
import type { EdgeId } from "../lifecycle.js";
import type { StoredJob } from "../ports/store.js";
import { type FixedFields, type JobRecord, RECORD_VERSION } from "../record.js";
import { type DecideContext, planWake } from "./change.js";

export type NewJob = Omit<FixedFields, "createdAt" | "recordVersion"> & { readonly delayMs: number };

/** The first record of a job: T1, and T2 with it where the store is the queue. */
export function createRecord(job: NewJob, context: DecideContext): JobRecord {
  const { now, policy } = context;
  const { delayMs, ...fixed } = job;
  const edges: readonly EdgeId[] = job.queue === null ? ["T1", "T2"] : ["T1"];
  const entries = edges.map((edge, index): HistoryEntry => ({
    version: index + 1,
    edge,
    at: now,
    attempt: 0,
    transitionId: context.transitionId,
    actor: context.actor,
    reason: null,
    text: null,
    expose: false,
  }));
  const inStore = job.queue === null;
  const record: JobRecord = {
    ...fixed,
    recordVersion: RECORD_VERSION,
    createdAt: now,
    status: inStore ? "QUEUED" : "PENDING",
    version: entries.length,
    dispatch: 1,
    send: 0,
    releases: 0,
    redrives: 0,
    attempt: 0,
    fence: 0,
    token: null,
    worker: null,
    leaseUntil: null,
    phase: null,
    progress: null,
    percent: null,
    etaAt: null,
    startedAt: null,
    queuedAt: inStore ? now : null,
    updatedAt: now,
    finishedAt: null,
    readyAt: inStore ? now + delayMs : null,
    sendAt: inStore ? null : now + delayMs,
    retryAt: null,
    lastError: null,
    awaiting: null,
    poll: null,
    cancel: null,
    checkpoint: null,
    failure: null,
    history: encodeHistory(entries),
    historyTrimmed: 0,
    wakeAt: null,
    purgeAt: null,
  };
  return { ...record, ...planWake({ record, cursors: {} }, policy, now) };
}

/**
 * What an existing record means to the caller of create: `mine`, this very call wrote it (its reply was lost); `same`, the
 * same key with the same input made it before; `conflict`, anything else.
 */
export function judgeExisting(given: JobRecord, { record }: StoredJob): "mine" | "same" | "conflict" {
  const first = decodeHistory(given.history)[0];
  const stored = decodeHistory(record.history)[0];
  if (record.id === given.id && stored?.version === 1 && stored.transitionId === first?.transitionId) return "mine";
  if (given.scope !== null && record.scope === given.scope && record.inputHash === given.inputHash) return "same";
  return "conflict";
}
