import type { AnyDef } from "../define/any-def.js";
import { WaybillError } from "../errors.js";
import type {
  CompletedJob,
  FailedJob,
  Job,
  JobAwaiting,
  JobError,
  JobFailure,
  PendingJob,
  ProcessingJob,
  QueuedJob,
} from "./job.js";

/** What no view has: the input, and how the job came to its queue. */
type Private = "input" | "dispatch";

/** An error of one attempt, for users: text and code only where they were made public. */
export interface ErrorView {
  readonly message: string | null;
  readonly code: string | null;
  readonly at: Date;
  readonly attempt: number;
}

/** Why a job ended FAILED, for users: its text where it was made public, else the kind's message. */
export type FailureView<Phase extends string = string> = Omit<JobFailure<Phase>, "expose">;

/** That external work is open; what names it outside stays on the server. */
export type AwaitingView = Omit<JobAwaiting, "ref">;

/** As `PendingJob`. */
export interface PendingView<D extends AnyDef> extends Omit<PendingJob<D>, Private | "lastError"> {
  readonly lastError: ErrorView | null;
}

/** As `QueuedJob`. */
export interface QueuedView<D extends AnyDef> extends Omit<QueuedJob<D>, Private | "lastError"> {
  readonly lastError: ErrorView | null;
}

/** As `ProcessingJob`, without the worker's name. */
export interface ProcessingView<D extends AnyDef> extends Omit<
  ProcessingJob<D>,
  Private | "worker" | "awaiting"
> {
  readonly awaiting: AwaitingView | null;
}

/** As `CompletedJob`. */
export type CompletedView<D extends AnyDef> = Omit<CompletedJob<D>, Private>;

/** As `FailedJob`. */
export interface FailedView<D extends AnyDef> extends Omit<FailedJob<D>, Private | "failure"> {
  readonly failure: FailureView<NonNullable<FailedJob<D>["failure"]["phase"]>>;
}

/** What of a job may leave the server: no input, no claim, no reference, and failure text only where it was made public. */
export type JobView<D extends AnyDef> =
  PendingView<D> | QueuedView<D> | ProcessingView<D> | CompletedView<D> | FailedView<D>;

/** A view of a job of any of several kinds. */
export type JobViewOf<D extends AnyDef> = D extends AnyDef ? JobView<D> : never;

/** A view as `JSON.stringify` writes it: instants are ISO 8601 text. */
export type JobViewJson<D extends AnyDef> = Wire<JobView<D>>;

type Wire<T> = T extends object
  ? { readonly [K in keyof T]: K extends "metadata" | "output" | "progress" ? T[K] : WireValue<T[K]> }
  : T;

type WireValue<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [K in keyof T]: WireValue<T[K]> }
    : T;

/** Makes the view of a job. Everything in it is named here: what is added to a job later does not leave by itself. */
export function toView<D extends AnyDef>(def: D, job: Job<D>): JobView<D> {
  if (job.kind !== def.kind) {
    throw new WaybillError(
      "config.invalid",
      `A job of kind "${job.kind}" was to be viewed as "${def.kind}".`,
    );
  }
  const base = baseOf(job);
  switch (job.status) {
    case "PENDING":
    case "QUEUED":
      return { ...base, retryAt: job.retryAt, lastError: errorOf(job.lastError) } as
        PendingView<D> | QueuedView<D>;
    case "PROCESSING": {
      const { phase, progress, percent, etaAt } = job;
      return {
        ...base,
        phase,
        progress,
        percent,
        etaAt,
        awaiting: awaitingOf(job.awaiting),
      } as ProcessingView<D>;
    }
    case "COMPLETED":
      return { ...base, output: job.output } as CompletedView<D>;
    case "FAILED":
      return { ...base, failure: failureOf(job) } as FailedView<D>;
  }
}

function baseOf<D extends AnyDef>(job: Job<D>) {
  return {
    id: job.id,
    kind: job.kind,
    status: job.status,
    word: job.word,
    version: job.version,
    owner: job.owner,
    subject: job.subject,
    metadata: job.metadata,
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

function errorOf(error: JobError | null): ErrorView | null {
  if (error === null) return null;
  const { message, code, expose, at, attempt } = error;
  return { message: expose ? message : null, code: expose ? code : null, at, attempt };
}

function awaitingOf(awaiting: JobAwaiting | null): AwaitingView | null {
  if (awaiting === null) return null;
  const { since, nextPollAt, deadlineAt } = awaiting;
  return { since, nextPollAt, deadlineAt };
}

function failureOf<D extends AnyDef>(job: FailedJob<D>): FailureView {
  const { reason, code, message, expose, attempts, retryable, phase } = job.failure;
  return {
    reason,
    code: expose ? code : null,
    message: expose ? message : job.message,
    attempts,
    retryable,
    phase,
  };
}

/** Where a view has instants. What is the application's own (metadata, output, progress) is never looked into. */
const INSTANTS: ReadonlySet<string> = new Set([
  "createdAt",
  "queuedAt",
  "startedAt",
  "finishedAt",
  "updatedAt",
  "cancelRequestedAt",
  "retryAt",
  "etaAt",
  "at",
  "since",
  "nextPollAt",
  "deadlineAt",
]);
const PARTS: ReadonlySet<string> = new Set(["lastError", "awaiting", "failure"]);

/** Reads a view back from its JSON form. */
export function viewFromJson<D extends AnyDef>(def: D, json: JobViewJson<D>): JobView<D> {
  if (json.kind !== def.kind) {
    throw new WaybillError(
      "config.invalid",
      `A view of kind "${json.kind}" was to be read as "${def.kind}".`,
    );
  }
  return revive(json) as JobView<D>;
}

function revive(part: object): object {
  return Object.fromEntries(
    Object.entries(part).map(([key, value]: [string, unknown]) => {
      if (INSTANTS.has(key) && typeof value === "string") return [key, new Date(value)];
      if (PARTS.has(key) && typeof value === "object" && value !== null) return [key, revive(value)];
      return [key, value];
    }),
  );
}
