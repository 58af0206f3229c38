import type { AnyDef, OutputView, ProgressView, TypesOf } from "../define/any-def.js";
import type { RuntimeJob } from "../engine/read/job.js";
import { WaybillError } from "../errors/errors.js";
import { viewOf } from "../view/projection.js";
import { viewOfJson } from "../view/view-json.js";
import type {
  CompletedJob,
  FailedJob,
  Job,
  JobAwaiting,
  JobError,
  JobFailure,
  ListedJob,
  PendingJob,
  ProcessingJob,
  QueuedJob,
} from "./job.js";

/** What no view has as the job has it: the input, how the job came to its queue, and what `project` decides on. */
type Private = "input" | "dispatch" | "metadata";

/** What leaves only where the kind's `project` names it. */
interface ProjectedView<D extends AnyDef> {
  readonly metadata?: TypesOf<D>["project"]["metadata"];
}

/** An error of one attempt, for users: text and code only where they were made public. */
export interface ErrorView extends Pick<JobError, "code" | "at" | "attempt"> {
  readonly message: string | null;
}

/** Why a job ended FAILED, for users: its text where it was made public, else the kind's message. */
export type FailureView<Phase extends string = string> = Omit<JobFailure<Phase>, "expose">;

/** That external work is open; what names it outside stays on the server. */
export type AwaitingView = Omit<JobAwaiting, "ref">;

/** As `PendingJob`. */
export interface PendingView<D extends AnyDef>
  extends Omit<PendingJob<D>, Private | "lastError">, ProjectedView<D> {
  readonly lastError: ErrorView | null;
}

/** As `QueuedJob`. */
export interface QueuedView<D extends AnyDef>
  extends Omit<QueuedJob<D>, Private | "lastError">, ProjectedView<D> {
  readonly lastError: ErrorView | null;
}

/** As `ProcessingJob`, without the worker's name. */
export interface ProcessingView<D extends AnyDef>
  extends Omit<ProcessingJob<D>, Private | "worker" | "awaiting" | "progress">, ProjectedView<D> {
  readonly progress: ProgressView<D> | null;
  readonly awaiting: AwaitingView | null;
}

/** As `CompletedJob`. */
export interface CompletedView<D extends AnyDef>
  extends Omit<CompletedJob<D>, Private | "output">, ProjectedView<D> {
  readonly output: OutputView<D>;
}

/** As `FailedJob`. */
export interface FailedView<D extends AnyDef>
  extends Omit<FailedJob<D>, Private | "failure" | "progress">, ProjectedView<D> {
  readonly progress: ProgressView<D> | null;
  readonly failure: FailureView<NonNullable<FailedJob<D>["failure"]["phase"]>>;
}

/**
 * What of a job may leave the server: no input, no claim, no reference, failure text only where it was made public; output,
 * progress and metadata as the kind's `project` lets them through.
 */
export type JobView<D extends AnyDef> =
  PendingView<D> | QueuedView<D> | ProcessingView<D> | CompletedView<D> | FailedView<D>;

/** A view of a job that `list` returned: without output. */
export type ListedView<D extends AnyDef> =
  PendingView<D> | QueuedView<D> | ProcessingView<D> | Omit<CompletedView<D>, "output"> | FailedView<D>;

/** A view of a job of any of several kinds. */
export type JobViewOf<D extends AnyDef> = D extends AnyDef ? JobView<D> : never;

/** A view as `JSON.stringify` writes it: instants are ISO 8601 text. */
export type JobViewJson<D extends AnyDef> = Wire<JobView<D>>;

/** The application's own, which is JSON already. */
type Opaque = "metadata" | "output" | "progress" | "details";

type Wire<T> = T extends Date
  ? string
  : T extends object
    ? { readonly [K in keyof T]: K extends Opaque ? T[K] : Wire<T[K]> }
    : T;

/** Makes the view of a job. @throws {WaybillError} `config.invalid` when it is of another kind, or `project` throws */
export function toView<D extends AnyDef>(def: D, job: Job<D>): JobView<D> {
  return viewed(def, job) as unknown as JobView<D>;
}

/** Makes the view of a job that `list` returned. */
export function toListedView<D extends AnyDef>(def: D, job: ListedJob<D>): ListedView<D> {
  return viewed(def, job) as unknown as ListedView<D>;
}

function viewed<D extends AnyDef>(def: D, job: ListedJob<D>) {
  if (job.kind !== def.kind) {
    throw new WaybillError(
      "config.invalid",
      `A job of kind "${job.kind}" was to be viewed as "${def.kind}".`,
    );
  }
  return viewOf(def["~definition"], job as unknown as RuntimeJob);
}

/** Reads a view back from its JSON form. */
export function viewFromJson<D extends AnyDef>(def: D, json: JobViewJson<D>): JobView<D> {
  if (json.kind !== def.kind) {
    throw new WaybillError(
      "config.invalid",
      `A view of kind "${json.kind}" was to be read as "${def.kind}".`,
    );
  }
  return viewOfJson(json) as JobView<D>;
}
