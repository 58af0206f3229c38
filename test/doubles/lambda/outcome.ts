import type { Answer } from "./runtime-api.js";

/** What became of an invocation. All but `answered` are errors to whoever invoked it. */
export type Outcome =
  | Answer
  /** The function could not be loaded. */
  | { readonly status: "init_failed"; readonly body: string }
  | { readonly status: "crashed" }
  | { readonly status: "timed_out" }
  /** No environment was free, and no more are allowed: the function did not run. */
  | { readonly status: "throttled" };
