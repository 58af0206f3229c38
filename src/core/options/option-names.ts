// What each entry of the library takes. A name that stands in no list is refused, with the nearest one that does.

export const CREATE_OPTIONS = [
  "jobs",
  "store",
  "queue",
  "queues",
  "notifiers",
  "retired",
  "feed",
  "logger",
  "telemetry",
  "callbacks",
  "clock",
  "newId",
  // For simulations: all ids, tokens and chances together.
  "ids",
  "policy",
  "onTrim",
  "onPublish",
  "onParked",
] as const;

const ITEM = [
  "idempotencyKey",
  "owner",
  "subject",
  "metadata",
  "delayMs",
  "deadlineMs",
  "actor",
  "id",
] as const;
export const SUBMIT_OPTIONS = [...ITEM, "tx"] as const;
/** Of each item of `submitMany`. */
export const ITEM_OPTIONS = ["input", ...ITEM] as const;
export const RERUN_OPTIONS = ["actor", "idempotencyKey"] as const;
export const LIST_OPTIONS = ["kind", "status", "word", "owner", "subject", "limit", "cursor"] as const;
export const PAGE_OPTIONS = ["limit", "cursor"] as const;
/** An item of `undelivered` is taken as it is. */
export const REDELIVER_OPTIONS = ["jobId", "notifier", "versions", "kind", "reason", "since"] as const;
export const RECONCILE_OPTIONS = ["handlers", "budgetMs", "signal"] as const;
