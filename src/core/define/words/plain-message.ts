import type { Facts } from "../../definition.js";
import type { JobStatus } from "../../job/lifecycle.js";
import { FAILURE_MESSAGES } from "./failure-reasons.js";

const PLAIN: Readonly<Record<Exclude<JobStatus, "FAILED">, string>> = {
  PENDING: "Recorded.",
  QUEUED: "Queued.",
  PROCESSING: "Running.",
  COMPLETED: "Completed.",
};

/** What is said of a status where nobody said anything else: by the kind, by a change, or because the kind is not known here. */
export function plainMessage({ status, failureReason }: Facts): string {
  return status === "FAILED" ? FAILURE_MESSAGES[failureReason ?? "error"] : PLAIN[status];
}
