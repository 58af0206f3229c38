import { type CodeFacts, CONFIG_INVALID } from "./code-facts.js";

/** What is known of the effect of a call that failed. `unknown` is said, never guessed. */
export type Outcome = "not_applied" | "applied" | "unknown";

/** Every error code. Codes are immutable: a published one is never renamed or given another meaning. */
export const ERROR_CODES = {
  "input.invalid": {
    remedy: "Correct what issues names; nothing was written.",
    retryable: false,
  },
  "input.too_large": {
    remedy: "Store the payload elsewhere and submit a reference to it; nothing was written.",
    retryable: false,
  },
  "idempotency.conflict": {
    remedy:
      "Use a new key for a new piece of work, or repeat the call with the first input; nothing was written.",
    retryable: false,
  },
  "idempotency.pending": {
    remedy: "Try again when it has ended; nothing was written.",
    retryable: true,
  },
  "id.taken": {
    remedy: "Read that job, or submit under another id; nothing was written.",
    retryable: false,
  },
  "job.not_found": {
    remedy: "Check the id and the kind; settled jobs are removed after their retention.",
    retryable: false,
  },
  "job.already_final": {
    remedy: "Read the job; use rerun to run a failed one again as a new job.",
    retryable: false,
  },
  "job.cannot_cancel": {
    remedy: "Add cancel to the kind's handler, or stop the outside work by hand and let poll report it.",
    retryable: false,
  },
  "job.not_failed": {
    remedy: "Read the job: wait for it, or submit a new one.",
    retryable: false,
  },
  "job.claimed": {
    remedy: "Leave the message where it is and try again later; nothing was written.",
    retryable: true,
  },
  "job.not_due": {
    remedy: "Leave the message where it is and try again later; nothing was written.",
    retryable: true,
  },
  "job.not_awaiting": {
    remedy: "Tell it again later: the event came before the job said what it waits for.",
    retryable: true,
  },
  "claim.lost": {
    remedy: "Stop the work and acknowledge nothing; whoever holds the job goes on.",
    retryable: false,
  },
  "ref.ambiguous": {
    remedy: "Pass a declared key, the whole reference, or a token of the callback; nothing was written.",
    retryable: false,
  },
  "callback.invalid": {
    remedy: "Take a token from callbackToken as it is; polls go on without it. Nothing was written.",
    retryable: false,
  },
  "notifier.unknown": {
    remedy: "Pass one of the names given to createWaybill.",
    retryable: false,
  },
  "id.invalid": {
    remedy: "Pass an id of that form, or leave it out and let Waybill make one.",
    retryable: false,
  },
  "config.invalid": CONFIG_INVALID,
  "config.kind_unknown": {
    remedy: "Add its definition to jobs in createWaybill.",
    retryable: false,
  },
  "config.capability_missing": {
    remedy: "Choose a part with the capability that the message names.",
    retryable: false,
  },
  "store.unavailable": {
    remedy: "Look at outcome: retry when it is not_applied; read the job when it is unknown.",
    retryable: true,
  },
  "store.conflict": {
    remedy: "Try again; nothing was written.",
    retryable: true,
  },
  "store.not_migrated": {
    remedy: "Run the migration, or use the version of Waybill that the schema belongs to.",
    retryable: false,
  },
  "store.unstorable": {
    remedy:
      "Change the value, or what the store runs on; asking again does not help, and nothing was written.",
    retryable: false,
  },
  "store.corrupt": {
    remedy: "Find out what else writes to the store; the message names the job.",
    retryable: false,
  },
  "queue.unavailable": {
    remedy: "Wait or repair it; recorded jobs are sent again by the reconciler.",
    retryable: true,
  },
  "feed.unavailable": {
    remedy: "Repair the feed; watchers go on by reading the store.",
    retryable: true,
  },
  "result.timeout": {
    remedy: "The job goes on; wait longer, or watch it.",
    retryable: true,
  },
  "result.job_failed": {
    remedy: "Read its failure; use rerun to run it again.",
    retryable: false,
  },
  "waybill.closed": {
    remedy: "Create a new one.",
    retryable: false,
  },
} as const satisfies Record<string, CodeFacts>;

/** A stable, documented error code (`docs/errors.md`). */
export type ErrorCode = keyof typeof ERROR_CODES;
