import { firstHistory, historyOf } from "../job/history.js";
import type { EdgeId } from "../job/lifecycle.js";
import type { StoredJob } from "../ports/store.js";
import { type FixedFields, isStoreQueued, type JobRecord, RECORD_VERSION } from "../job/record.js";
import { type DecideContext, type Mutable, planWake } from "./change/change.js";

export type NewJob = Omit<FixedFields, "createdAt" | "recordVersion"> & { readonly delayMs: number };

/**
 * The first record of a job: T1, and T2 with it where the store is the queue. One that the application hands over itself
 * stays PENDING until it is claimed; its deadline ends it when nobody does.
 */
export function createRecord(job: NewJob, context: Omit<DecideContext, "random">): JobRecord {
  const { now, policy } = context;
  const inStore = isStoreQueued(job);
  const edges = inStore ? IN_STORE : HANDED_OVER;
  const readyAt = now + job.delayMs;
  const record = untouched(job, now);
  record.status = inStore ? "QUEUED" : "PENDING";
  record.version = edges.length;
  record.queuedAt = inStore ? now : null;
  record.readyAt = inStore ? readyAt : null;
  record.sendAt = inStore ? null : readyAt;
  record.history = firstHistory(edges, now, context);
  const { wakeAt, purgeAt } = planWake({ record, cursors: {} }, policy, now);
  record.wakeAt = wakeAt;
  record.purgeAt = purgeAt;
  return record;
}

const IN_STORE: readonly EdgeId[] = ["T1", "T2"];
const HANDED_OVER: readonly EdgeId[] = ["T1"];

/**
 * A record that nothing has happened to. One literal with every field: an object of this size that is built up field by
 * field behind a spread costs fifty times as much (measured on V8: 90 µs), one that takes the job's with a rest and a
 * spread twice as much (1.2 µs against 0.6 µs).
 */
function untouched(job: NewJob, now: number): Mutable<JobRecord> {
  return {
    id: job.id,
    kind: job.kind,
    owner: job.owner,
    subject: job.subject,
    metadata: job.metadata,
    queue: job.queue,
    handOver: job.handOver,
    maxAttempts: job.maxAttempts,
    recordVersion: RECORD_VERSION,
    notifiers: job.notifiers,
    createdAt: now,
    origin: job.origin,
    scope: job.scope,
    inputHash: job.inputHash,
    deadlineAt: job.deadlineAt,
    retainMs: job.retainMs,
    trace: job.trace,
    status: "PENDING",
    version: 0,
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
    queuedAt: null,
    updatedAt: now,
    finishedAt: null,
    readyAt: null,
    sendAt: null,
    retryAt: null,
    lastError: null,
    awaiting: null,
    poll: null,
    cancel: null,
    checkpoint: null,
    failure: null,
    history: "",
    historyTrimmed: 0,
    wakeAt: null,
    purgeAt: null,
  };
}

/**
 * What an existing record means to the caller of create: `mine`, this very call wrote it (its reply was lost); `same`, the
 * same key with the same input made it before; `conflict`, anything else.
 */
export function judgeExisting(given: JobRecord, { record }: StoredJob): "mine" | "same" | "conflict" {
  const first = historyOf(given)[0];
  const stored = historyOf(record)[0];
  if (record.id === given.id && stored?.version === 1 && stored.transitionId === first?.transitionId)
    return "mine";
  if (given.scope !== null && record.scope === given.scope && record.inputHash === given.inputHash)
    return "same";
  return "conflict";
}
