import type { JobStatus } from "./lifecycle.js";

/** The statuses of a job that is not at its end: what a list of work in hand asks for. */
export const UNFINISHED = ["PENDING", "QUEUED", "PROCESSING"] as const satisfies readonly JobStatus[];
