import type { ListedRuntimeJob, RuntimeJob } from "../engine/read/job.js";
import { metadataOf, projected, type Projecting, through } from "./shown.js";

// What of a job and of an event may leave the server, in one place, for every channel. Everything is named: what is added to
// a job or an event later does not leave by itself.

/** A view without the types of its kind. */
export type RuntimeView = Readonly<Record<string, unknown>>;

/** The view of a job; without output where the job has none, as in lists. */
export function viewOf(definition: Projecting, job: RuntimeJob | ListedRuntimeJob): RuntimeView {
  const base = { ...baseOf(job), ...metadataOf(definition, job.metadata) };
  switch (job.status) {
    case "PENDING":
    case "QUEUED":
      return { ...base, retryAt: job.retryAt, lastError: errorOf(job.lastError) };
    case "PROCESSING": {
      const { phase, percent, etaAt, awaiting } = job;
      const progress = through(definition, "progress", job.progress);
      return { ...base, phase, progress, percent, etaAt, awaiting: awaitingOf(awaiting) };
    }
    case "COMPLETED": {
      if (!("output" in job)) return base;
      return { ...base, output: projected(definition, "output", job.output) };
    }
    case "FAILED": {
      const progress = through(definition, "progress", job.progress);
      return { ...base, progress, failure: failureOf(job.failure, job.message) };
    }
  }
}

function baseOf(job: RuntimeJob | ListedRuntimeJob) {
  return {
    id: job.id,
    kind: job.kind,
    status: job.status,
    word: job.word,
    version: job.version,
    owner: job.owner,
    subject: job.subject,
    message: job.message,
    attempt: job.attempt,
    createdAt: job.createdAt,
    queuedAt: job.queuedAt,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
    updatedAt: job.updatedAt,
    durationMs: job.durationMs,
    cancelRequestedAt: job.cancelRequestedAt,
    origin: job.origin,
  };
}

function errorOf(error: Extract<RuntimeJob, { readonly status: "QUEUED" }>["lastError"]) {
  if (error === null) return null;
  const { message, code, expose, at, attempt } = error;
  return { message: expose ? message : null, code: expose ? code : null, at, attempt };
}

function awaitingOf(awaiting: Extract<RuntimeJob, { readonly status: "PROCESSING" }>["awaiting"]) {
  if (awaiting === null) return null;
  const { since, nextPollAt, deadlineAt } = awaiting;
  return { since, nextPollAt, deadlineAt };
}

type Failure = Extract<RuntimeJob, { readonly status: "FAILED" }>["failure"];

/** @param publicMessage - what the job says to users: the kind's, where the failure's own text is not for them */
function failureOf(failure: Failure, publicMessage: string) {
  const { reason, code, message, expose, attempts, retryable, phase, details } = failure;
  return {
    reason,
    code: expose ? code : null,
    message: expose ? message : publicMessage,
    attempts,
    retryable,
    phase,
    ...(expose && details !== null ? { details } : {}),
  };
}
