// Generated from machine.ts by scripts/check-lifecycle.ts. Do not edit: change the machine, then run
// `npm run check:lifecycle -- --write`.

/** The five statuses of a job. Nothing else is a status. */
export type JobStatus = "PENDING" | "QUEUED" | "PROCESSING" | "COMPLETED" | "FAILED";

/** What can happen to a status. */
export type LifecycleEvent =
  | "queued"
  | "failed"
  | "recalled"
  | "claimed"
  | "completed"
  | "returned"
  | "phase"
  | "waiting"
  | "cancel_requested"
  | "warning";

/** The name of an edge: `T1`–`T9` change the status, the others happen in place. */
export type EdgeId =
  "T1" | "T2" | "T3" | "T4" | "T5" | "T6" | "T7" | "T8" | "T9" | "phase" | "waiting" | "cancel" | "warning";

/** An edge: the status before (`null`: the job did not exist), the status after. */
export interface Edge {
  readonly from: JobStatus | null;
  readonly to: JobStatus;
  readonly event: LifecycleEvent | "created";
}

/** Every status, in the order of a job's life. */
export const STATUSES: readonly JobStatus[] = ["PENDING", "QUEUED", "PROCESSING", "COMPLETED", "FAILED"];

/** Every edge by its id. */
export const EDGES: Readonly<Record<EdgeId, Edge>> = {
  T1: { from: null, to: "PENDING", event: "created" },
  T2: { from: "PENDING", to: "QUEUED", event: "queued" },
  T3: { from: "QUEUED", to: "PENDING", event: "recalled" },
  T4: { from: "QUEUED", to: "PROCESSING", event: "claimed" },
  T5: { from: "PROCESSING", to: "COMPLETED", event: "completed" },
  T6: { from: "PROCESSING", to: "FAILED", event: "failed" },
  T7: { from: "PROCESSING", to: "PENDING", event: "returned" },
  T8: { from: "PENDING", to: "FAILED", event: "failed" },
  T9: { from: "QUEUED", to: "FAILED", event: "failed" },
  phase: { from: "PROCESSING", to: "PROCESSING", event: "phase" },
  waiting: { from: "PROCESSING", to: "PROCESSING", event: "waiting" },
  cancel: { from: "PROCESSING", to: "PROCESSING", event: "cancel_requested" },
  warning: { from: "PROCESSING", to: "PROCESSING", event: "warning" },
};

/** What may follow each status: event → edge. An event that a status does not allow is not there, and does not compile. */
export const TRANSITIONS = {
  PENDING: { queued: "T2", failed: "T8" },
  QUEUED: { recalled: "T3", claimed: "T4", failed: "T9" },
  PROCESSING: {
    completed: "T5",
    failed: "T6",
    returned: "T7",
    phase: "phase",
    waiting: "waiting",
    cancel_requested: "cancel",
    warning: "warning",
  },
  COMPLETED: {},
  FAILED: {},
} as const satisfies Readonly<Record<JobStatus, Readonly<Partial<Record<LifecycleEvent, EdgeId>>>>>;

/** What can happen to a status; `never` to a final one. */
export type EventIn<Status extends JobStatus> = keyof (typeof TRANSITIONS)[Status];

/** Whether a status is final: no edge leaves it. */
export function isFinal(status: JobStatus): status is "COMPLETED" | "FAILED" {
  return status === "COMPLETED" || status === "FAILED";
}
