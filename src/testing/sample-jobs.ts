import { encodeHistory, entryTemplate, type HistoryEntry } from "../core/job/history.js";
import { type EdgeId, EDGES, isFinal } from "../core/job/lifecycle.js";
import type { ClaimTerms, WriteGuard, WriteItem } from "../core/ports/store.js";
import { type JobRecord, RECORD_VERSION, type RecordPatch } from "../core/job/record.js";

/** A job of a named queue, recorded and not yet sent: PENDING at version 1. Every field can be set. */
export function sampleJob(given: Partial<JobRecord> & Pick<JobRecord, "id">, nowMs: number): JobRecord {
  return {
    kind: "sample.work",
    owner: "sample-owner",
    subject: null,
    metadata: null,
    queue: "work",
    handOver: null,
    maxAttempts: 3,
    recordVersion: RECORD_VERSION,
    notifiers: [],
    createdAt: nowMs,
    origin: null,
    scope: null,
    inputHash: null,
    deadlineAt: null,
    retainMs: 60_000,
    trace: null,
    status: "PENDING",
    version: 1,
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
    updatedAt: nowMs,
    finishedAt: null,
    readyAt: null,
    sendAt: nowMs,
    retryAt: null,
    lastError: null,
    awaiting: null,
    poll: null,
    cancel: null,
    checkpoint: null,
    failure: null,
    history: sampleHistory(["T1"], { nowMs }),
    historyTrimmed: 0,
    wakeAt: nowMs + 15_000,
    purgeAt: null,
    ...given,
  };
}

/** A job that its queue has confirmed: QUEUED at version 2. */
export function sampleQueuedJob(given: Partial<JobRecord> & Pick<JobRecord, "id">, nowMs: number): JobRecord {
  return sampleJob(
    {
      status: "QUEUED",
      version: 2,
      queuedAt: nowMs,
      sendAt: nowMs + 600_000,
      wakeAt: nowMs + 600_000,
      history: sampleHistory(["T1", "T2"], { nowMs }),
      ...given,
    },
    nowMs,
  );
}

/** A job of the store's own queue, ready at once: QUEUED at version 2, without a wake-up. */
export function sampleReadyJob(given: Partial<JobRecord> & Pick<JobRecord, "id">, nowMs: number): JobRecord {
  return sampleQueuedJob({ queue: null, readyAt: nowMs, sendAt: null, wakeAt: null, ...given }, nowMs);
}

/** A job that the application hands over itself: PENDING at version 1, and nothing but its deadline wakes anybody. */
export function sampleOwnJob(given: Partial<JobRecord> & Pick<JobRecord, "id">, nowMs: number): JobRecord {
  const deadlineAt = nowMs + 3_600_000;
  return sampleJob({ queue: null, handOver: "own", deadlineAt, wakeAt: deadlineAt, ...given }, nowMs);
}

/** Encoded entries with versions that rise by one. */
export function sampleHistory(
  edges: readonly EdgeId[],
  given: Partial<HistoryEntry> & { readonly nowMs: number },
): string {
  const { nowMs, version: first = 1, ...fields } = given;
  const entries = edges.map((edge, index) => ({
    at: nowMs,
    attempt: 0,
    transitionId: "sample-transition",
    actor: null,
    reason: null,
    text: null,
    expose: false,
    ...fields,
    edge,
    version: first + index,
  }));
  return encodeHistory(entries);
}

/** What a sample write changes; the guard is what the record says unless it is set here. */
export interface SampleWrite {
  readonly edges?: readonly EdgeId[];
  readonly patch?: RecordPatch;
  readonly guard?: Partial<WriteGuard>;
  readonly transitionId?: string;
  readonly text?: string;
  /** The whole history, in place of what `edges` would append. */
  readonly replace?: string;
  readonly leaseMs?: number;
  readonly output?: string;
}

/** The write of a change that was decided on `record`. */
export function sampleWrite(record: JobRecord, write: SampleWrite = {}): WriteItem {
  const { edges = [], guard, transitionId = "sample-change", text = null, replace, leaseMs, output } = write;
  const { id, version, token, attempt, updatedAt: nowMs } = record;
  const last = edges[edges.length - 1];
  const append = sampleHistory(edges, { nowMs, version: version + 1, attempt, transitionId, text });
  return {
    id,
    guard: { status: isFinal(record.status) ? "PROCESSING" : record.status, version, token, ...guard },
    patch: {
      ...(last === undefined ? {} : { status: EDGES[last].to }),
      ...write.patch,
      version: version + Math.max(1, edges.length),
    },
    history: replace === undefined ? { append } : { replace },
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(output === undefined ? {} : { output }),
  };
}

/** What a claim that holds leaves behind when the job ends. */
export const SAMPLE_END: RecordPatch = { token: null, leaseUntil: null, wakeAt: null };

/** Terms of a claim; its entries carry `transitionId`. */
export function sampleTerms(
  given: Partial<ClaimTerms> & { readonly transitionId?: string } = {},
): ClaimTerms {
  const { transitionId = "sample-claim", ...terms } = given;
  return {
    worker: "worker-1",
    recordVersion: RECORD_VERSION,
    notifyGraceMs: 5_000,
    started: entryTemplate("T4", { transitionId, actor: "worker-1" }),
    queued: entryTemplate("T2", { transitionId, actor: "worker-1" }),
    ...terms,
  };
}
