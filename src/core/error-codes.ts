/** What is known of the effect of a call that failed. `unknown` is said, never guessed. */
export type Outcome = "not_applied" | "applied" | "unknown";

interface CodeFacts {
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What to do, one sentence. */
  readonly remedy: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
}

/** Every error code. Codes are immutable: a published one is never renamed or given another meaning. */
export const ERROR_CODES = {
  "input.invalid": {
    meaning: "The input does not match the kind's schema, or is not safe as JSON.",
    remedy: "Correct what issues names; nothing was written.",
    retryable: false,
  },
  "input.too_large": {
    meaning: "Input or metadata is larger than the store or the policy allows.",
    remedy: "Store the payload elsewhere and submit a reference to it; nothing was written.",
    retryable: false,
  },
  "idempotency.conflict": {
    meaning: "The idempotency key was used before with another input.",
    remedy:
      "Use a new key for a new piece of work, or repeat the call with the first input; nothing was written.",
    retryable: false,
  },
  "idempotency.pending": {
    meaning:
      "A transaction that is still open has used the same idempotency key or id, and may go either way.",
    remedy: "Try again when it has ended; nothing was written.",
    retryable: true,
  },
  "id.taken": {
    meaning: "The caller's own id belongs to a job already, whatever its input.",
    remedy: "Read that job, or submit under another id; nothing was written.",
    retryable: false,
  },
  "job.not_found": {
    meaning: "There is no job with this id, reference or kind.",
    remedy: "Check the id and the kind; settled jobs are removed after their retention.",
    retryable: false,
  },
  "job.already_final": {
    meaning: "The job is COMPLETED or FAILED, and final statuses never change.",
    remedy: "Read the job; use rerun to run a failed one again as a new job.",
    retryable: false,
  },
  "job.cannot_cancel": {
    meaning: "The job's external work is open and no handler of its kind can cancel it.",
    remedy: "Add cancel to the kind's handler, or stop the outside work by hand and let poll report it.",
    retryable: false,
  },
  "job.not_failed": {
    meaning: "Only a FAILED job can be run again.",
    remedy: "Read the job: wait for it, or submit a new one.",
    retryable: false,
  },
  "job.claimed": {
    meaning: "Somebody else holds the claim of the job.",
    remedy: "Leave the message where it is and try again later; nothing was written.",
    retryable: true,
  },
  "job.not_due": {
    meaning: "The job waits for its time: a delay, or the pause before another attempt.",
    remedy: "Leave the message where it is and try again later; nothing was written.",
    retryable: true,
  },
  "job.not_awaiting": {
    meaning: "The job does not wait for external work yet.",
    remedy: "Tell it again later: the event came before the job said what it waits for.",
    retryable: true,
  },
  "claim.lost": {
    meaning: "The claim ended before its outcome was stored: its lease lapsed, or another holds the job.",
    remedy: "Stop the work and acknowledge nothing; whoever holds the job goes on.",
    retryable: false,
  },
  "ref.ambiguous": {
    meaning: "The reference names several jobs, or is not one of the keys that the kind declares.",
    remedy: "Pass a declared key, the whole reference, or a token of the callback; nothing was written.",
    retryable: false,
  },
  "callback.invalid": {
    meaning: "The token of a callback was not signed by this Waybill, or it has expired.",
    remedy: "Take a token from callbackToken as it is; polls go on without it. Nothing was written.",
    retryable: false,
  },
  "notifier.unknown": {
    meaning: "The composition has no notifier of this name.",
    remedy: "Pass one of the names given to createWaybill.",
    retryable: false,
  },
  "id.invalid": {
    meaning: "The id of a new job is not of the form [A-Za-z0-9_-]{1,128}.",
    remedy: "Pass an id of that form, or leave it out and let Waybill make one.",
    retryable: false,
  },
  "config.invalid": {
    meaning: "A definition or an option is not usable.",
    remedy: "Correct the option that the message names.",
    retryable: false,
  },
  "config.kind_unknown": {
    meaning: "The kind is not among the jobs that this Waybill was created with.",
    remedy: "Add its definition to jobs in createWaybill.",
    retryable: false,
  },
  "config.capability_missing": {
    meaning: "A part of the composition cannot do what another part needs.",
    remedy: "Choose a part with the capability that the message names.",
    retryable: false,
  },
  "store.unavailable": {
    meaning: "The store could not be reached, or did not answer in time.",
    remedy: "Look at outcome: retry when it is not_applied; read the job when it is unknown.",
    retryable: true,
  },
  "store.conflict": {
    meaning: "The record kept changing while a change was decided on it.",
    remedy: "Try again; nothing was written.",
    retryable: true,
  },
  "store.not_migrated": {
    meaning: "The store's schema is missing, older or newer than this version of Waybill.",
    remedy: "Run the migration, or use the version of Waybill that the schema belongs to.",
    retryable: false,
  },
  "store.unstorable": {
    meaning:
      "The store cannot keep a value at all: it is too large, or of a form that the engine does not hold.",
    remedy:
      "Change the value, or what the store runs on; asking again does not help, and nothing was written.",
    retryable: false,
  },
  "store.corrupt": {
    meaning: "A stored record holds something that Waybill never writes.",
    remedy: "Find out what else writes to the store; the message names the job.",
    retryable: false,
  },
  "queue.unavailable": {
    meaning: "The queue could not be reached.",
    remedy: "Wait or repair it; recorded jobs are sent again by the reconciler.",
    retryable: true,
  },
  "feed.unavailable": {
    meaning: "The feed of change hints could not be attached.",
    remedy: "Repair the feed; watchers go on by reading the store.",
    retryable: true,
  },
  "result.timeout": {
    meaning: "The job did not reach a final status in the time given.",
    remedy: "The job goes on; wait longer, or watch it.",
    retryable: true,
  },
  "result.job_failed": {
    meaning: "The job whose result was awaited is FAILED.",
    remedy: "Read its failure; use rerun to run it again.",
    retryable: false,
  },
  "waybill.closed": {
    meaning: "This Waybill, or this part of it, was closed.",
    remedy: "Create a new one.",
    retryable: false,
  },
} as const satisfies Record<string, CodeFacts>;

/** A stable, documented error code (`docs/errors.md`). */
export type ErrorCode = keyof typeof ERROR_CODES;
