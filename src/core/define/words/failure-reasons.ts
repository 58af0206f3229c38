import type { FailureReason } from "../../job/record.js";

/** What users are told of a failure where nobody said anything; its keys are every reason that there is. */
export const FAILURE_MESSAGES: Readonly<Record<FailureReason, string>> = {
  error: "Failed.",
  attempts_exhausted: "Failed after several attempts.",
  cancelled: "Cancelled.",
  deadline_exceeded: "Not done before its deadline.",
  lease_lost: "Failed: it stopped answering.",
  dead_lettered: "Failed: it could not be delivered.",
  enqueue_rejected: "Failed: it could not be queued.",
  input_invalid: "Failed: its input is not valid any more.",
  output_invalid: "Failed: its result is not valid.",
  result_unstorable: "Failed: its result could not be stored.",
  external_failed: "Failed.",
  external_timeout: "Not confirmed in time; its outcome is unknown.",
  unparsable: "Failed: it could not be read.",
};

export const FAILURE_REASONS = Object.keys(FAILURE_MESSAGES) as readonly FailureReason[];
