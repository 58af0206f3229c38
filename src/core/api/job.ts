import type { AnyDef, KindOf, TypesOf, WordOf } from "../define/any-def.js";
import type { Json } from "../json/json.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { FailureReason } from "../job/record.js";

/**
 * What is known of the current hand-over to the queue.
 *
 * - `confirmed`: the queue said that it holds it, or a worker received it. With the store as queue: always.
 * - `unconfirmed`: sent, or about to be; not known to have arrived. The reconciler sends it again until it is.
 * - `deferred`: not due yet: after a delay or a backoff, or when the caller has committed and called `dispatch`.
 */
export type DispatchState = "confirmed" | "unconfirmed" | "deferred";

/** An error of one attempt. */
export interface JobError {
  /** For the server's side; for users only where `expose` is set. */
  readonly message: string;
  /** The application's own code. */
  readonly code: string | null;
  readonly expose: boolean;
  readonly at: Date;
  readonly attempt: number;
}

/** Why and how a job ended FAILED. */
export interface JobFailure<Phase extends string = string> {
  readonly reason: FailureReason;
  /** The application's own code. */
  readonly code: string | null;
  /** For the server's side; for users only where `expose` is set: the job's `message` is always for users. */
  readonly message: string;
  readonly expose: boolean;
  /** How often it had been run. */
  readonly attempts: number;
  /** Running it again may help. */
  readonly retryable: boolean;
  /** The phase it was in. */
  readonly phase: Phase | null;
  /** What the error said beside its text; for users only where `expose` is set. */
  readonly details?: Json;
}

/** The worker that runs a job. */
export interface JobWorker {
  readonly name: string;
  /** Until when its claim holds without a sign of life. */
  readonly leaseUntil: Date;
}

/** Open external work: nobody runs the job, and proof of the outcome is waited for. */
export interface JobAwaiting<Ref = unknown> {
  readonly since: Date;
  readonly ref: Ref;
  readonly nextPollAt: Date;
  /** When it counts as failed with `external_timeout`. */
  readonly deadlineAt: Date;
}

/** What every job has. Never the token of a claim. */
export interface JobBase<D extends AnyDef, S extends JobStatus> {
  readonly id: string;
  readonly kind: KindOf<D>;
  readonly status: S;
  /** The application's word for the status. */
  readonly word: WordOf<D, S>;
  /** Grows with each change that anyone may see; gaps are never a loss. */
  readonly version: number;
  readonly owner: string | null;
  readonly subject: string | null;
  readonly metadata: Json;
  /** Text for users: explicit and exposed, else the kind's message for the status. */
  readonly message: string;
  /** How often it has been run. */
  readonly attempt: number;
  /** As stored: as submitted, with what the schema made of it once, such as its defaults. */
  readonly input: TypesOf<D>["input"];
  readonly createdAt: Date;
  readonly queuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly updatedAt: Date;
  /** From the first start to the end; `null` before the end, or if it never started. */
  readonly durationMs: number | null;
  readonly cancelRequestedAt: Date | null;
  readonly dispatch: DispatchState;
  /** The job that this one runs again. */
  readonly origin: string | null;
}

interface Waiting {
  /** After a failed attempt: when the next may begin. */
  readonly retryAt: Date | null;
  readonly lastError: JobError | null;
}

/** Recorded, not known to be in a queue. */
export interface PendingJob<D extends AnyDef> extends JobBase<D, "PENDING">, Waiting {
  readonly dispatch: "unconfirmed" | "deferred";
  readonly finishedAt: null;
  readonly durationMs: null;
}

/** In the queue. */
export interface QueuedJob<D extends AnyDef> extends JobBase<D, "QUEUED">, Waiting {
  readonly dispatch: "confirmed";
  readonly finishedAt: null;
  readonly durationMs: null;
}

/** Run by a worker, or waiting for external work. */
export interface ProcessingJob<D extends AnyDef> extends JobBase<D, "PROCESSING"> {
  readonly dispatch: "confirmed";
  readonly startedAt: Date;
  readonly finishedAt: null;
  readonly durationMs: null;
  readonly phase: TypesOf<D>["phase"] | null;
  readonly progress: TypesOf<D>["progress"] | null;
  /** 0–1, from the progress. */
  readonly percent: number | null;
  readonly etaAt: Date | null;
  /** `null` while external work is awaited. */
  readonly worker: JobWorker | null;
  /** Always `null` for a kind without `external`. */
  readonly awaiting: [TypesOf<D>["ref"]] extends [never] ? null : JobAwaiting<TypesOf<D>["ref"]> | null;
}

/** Done, with its output. Final. */
export interface CompletedJob<D extends AnyDef> extends JobBase<D, "COMPLETED"> {
  readonly dispatch: "confirmed";
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly durationMs: number;
  readonly output: TypesOf<D>["output"];
}

/** Ended without output: failed, cancelled, or out of time. Final. */
export interface FailedJob<D extends AnyDef> extends JobBase<D, "FAILED"> {
  /** Whether it ever was in the queue. */
  readonly dispatch: "confirmed" | "unconfirmed";
  readonly finishedAt: Date;
  /** As it stood at the end. */
  readonly progress: TypesOf<D>["progress"] | null;
  readonly failure: JobFailure<TypesOf<D>["phase"]>;
}

/** A job of one kind: `Job<typeof recover>`. Ask for its `status`, and the rest follows. */
export type Job<D extends AnyDef> =
  PendingJob<D> | QueuedJob<D> | ProcessingJob<D> | CompletedJob<D> | FailedJob<D>;

/** A job of any of several kinds: `JobOf<typeof recover | typeof ingest>`. Ask for `kind` and `status`. */
export type JobOf<D extends AnyDef> = D extends AnyDef ? Job<D> : never;

/** What lists leave out: `get` has it. */
type Unlisted = "input" | "output";

/** A job as lists show it, without input and output: they are large, and are read for it by none. */
export type ListedJob<D extends AnyDef> =
  | Omit<PendingJob<D>, Unlisted>
  | Omit<QueuedJob<D>, Unlisted>
  | Omit<ProcessingJob<D>, Unlisted>
  | Omit<CompletedJob<D>, Unlisted>
  | Omit<FailedJob<D>, Unlisted>;

/** A job of any of several kinds, as lists show it. */
export type ListedJobOf<D extends AnyDef> = D extends AnyDef ? ListedJob<D> : never;

/** Whether a job, or its view, was ended by a request to cancel. */
export function isCancelled(job: {
  readonly status: JobStatus;
  readonly failure?: { readonly reason: FailureReason } | undefined;
}): boolean {
  return job.status === "FAILED" && job.failure?.reason === "cancelled";
}
