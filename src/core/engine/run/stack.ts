import { messageOf, peek } from "./text.js";

/** Of one line in a log; a stack of recursion is longer than anybody reads. */
const LONGEST_STACK_CHARS = 8_000;
const DEEPEST_CAUSE = 4;

/** Where something that was thrown came from, with its causes. Total: never throws. */
export function stackOf(thrown: unknown): string {
  const parts: string[] = [];
  let error = thrown;
  for (let depth = 0; depth <= DEEPEST_CAUSE && error !== undefined; depth += 1) {
    const stack = peek(error, "stack");
    parts.push(typeof stack === "string" && stack !== "" ? stack : messageOf(error));
    error = peek(error, "cause");
  }
  return parts.join("\ncaused by: ").slice(0, LONGEST_STACK_CHARS);
}
