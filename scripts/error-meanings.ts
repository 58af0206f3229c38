import type { ErrorCode } from "../src/core/errors/error-codes.js";

/** What each code means, one sentence: for the page of errors only, so that no program carries it. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  "input.invalid": "The input does not match the kind's schema, or is not safe as JSON.",
  "input.too_large": "Input or metadata is larger than the store or the policy allows.",
  "idempotency.conflict": "The idempotency key was used before with another input.",
  "idempotency.pending":
    "A transaction that is still open has used the same idempotency key or id, and may go either way.",
  "id.taken": "The caller's own id belongs to a job already, whatever its input.",
  "job.not_found": "There is no job with this id, reference or kind.",
  "job.already_final": "The job is COMPLETED or FAILED, and final statuses never change.",
  "job.cannot_cancel": "The job's external work is open and no handler of its kind can cancel it.",
  "job.not_failed": "Only a FAILED job can be run again.",
  "job.claimed":
    "Somebody else holds the claim of the job, or its external work is open: then `acknowledge` is true, and the message may go.",
  "job.not_due": "The job waits for its time: a delay, or the pause before another attempt.",
  "job.not_awaiting": "The job does not wait for external work yet.",
  "claim.lost": "The claim ended before its outcome was stored: its lease lapsed, or another holds the job.",
  "ref.ambiguous": "The reference names several jobs, or is not one of the keys that the kind declares.",
  "callback.invalid": "The token of a callback was not signed by this Waybill, or it has expired.",
  "notifier.unknown": "The composition has no notifier of this name.",
  "id.invalid": "The id of a new job is not of the form [A-Za-z0-9_-]{1,128}.",
  "config.invalid": "A definition or an option is not usable.",
  "config.kind_unknown": "The kind is not among the jobs that this Waybill was created with.",
  "config.capability_missing": "A part of the composition cannot do what another part needs.",
  "store.unavailable": "The store could not be reached, or did not answer in time.",
  "store.conflict": "The record kept changing while a change was decided on it.",
  "store.not_migrated": "The store's schema is missing, older or newer than this version of Waybill.",
  "store.unstorable":
    "The store cannot keep a value at all: it is too large, or of a form that the engine does not hold.",
  "store.corrupt": "A stored record holds something that Waybill never writes.",
  "queue.unavailable": "The queue could not be reached.",
  "feed.unavailable": "The feed of change hints could not be attached.",
  "result.timeout": "The job did not reach a final status in the time given.",
  "result.job_failed": "The job whose result was awaited is FAILED.",
  "waybill.closed": "This Waybill, or this part of it, was closed.",
};
