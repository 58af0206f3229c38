/** What is said with every error of a code. */
export interface CodeFacts {
  /** What to do, one sentence. */
  readonly remedy: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
}

/** Apart from the table of all: a definition can fail in no other way, and a page may hold one. */
export const CONFIG_INVALID = {
  remedy: "Correct the option that the message names.",
  retryable: false,
} as const satisfies CodeFacts;
