import type { Json } from "../json/json.js";
import type { EdgeId, JobStatus } from "./lifecycle.js";
import type { FailureReason } from "./record.js";
import type { Trace } from "./trace.js";

/** What happened, in the past tense, one per history entry. */
export type EventType =
  | "job.created"
  | "job.queued"
  | "job.recalled"
  | "job.started"
  | "job.phase"
  | "job.waiting"
  | "job.retrying"
  | "job.cancel_requested"
  | "job.warning"
  | "job.completed"
  | "job.failed";

/** The event of each edge. */
export const EVENT_OF: Readonly<Record<EdgeId, EventType>> = {
  T1: "job.created",
  T2: "job.queued",
  T3: "job.recalled",
  T4: "job.started",
  T5: "job.completed",
  T6: "job.failed",
  T7: "job.retrying",
  T8: "job.failed",
  T9: "job.failed",
  phase: "job.phase",
  waiting: "job.waiting",
  cancel: "job.cancel_requested",
  warning: "job.warning",
};

/**
 * One accepted change, as every channel tells it. `id` is `jobId:version`: the same change has the same id on every
 * channel and at every repetition. It carries nothing secret: no input, no claim, and failure text only where the
 * application made it public.
 */
export interface JobEvent {
  readonly id: string;
  readonly type: EventType;
  readonly jobId: string;
  readonly kind: string;
  /** Grows with each event of a job; gaps are never a loss. */
  readonly version: number;
  /** The status before; `null`: there was no job yet. */
  readonly from: JobStatus | null;
  readonly status: JobStatus;
  /** The application's word for the status. */
  readonly word: string;
  /** Public text: explicit where it was given and exposed, else the kind's default message for the status. */
  readonly message: string;
  readonly at: Date;
  readonly attempt: number;
  readonly owner: string | null;
  readonly subject: string | null;
  /** The phase entered (`job.phase`, `job.waiting`). */
  readonly phase: string | null;
  /** Code of a warning, failure reason, or why a job was recalled or returned. */
  readonly reason: string | null;
  /** `job.failed` only. */
  readonly failureReason: FailureReason | null;
}

/** What the kind's `project` lets out of an event beside the rest, already projected. */
export interface ShownOfEvent {
  readonly metadata?: Json;
  readonly actor?: string | null;
}

/**
 * An event inside the server, as listeners and notifiers get it. What it has beside `JobEvent` stays inside, but for
 * `shown`, which encoders add to what leaves.
 */
export interface ServerEvent extends JobEvent {
  readonly metadata: Json;
  readonly actor: string | null;
  readonly shown: ShownOfEvent;
  /** The trace that the job was submitted in; `null`: none. */
  readonly trace: Trace | null;
}
