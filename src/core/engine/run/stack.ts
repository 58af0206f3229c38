import { messageOf, peek } from "./text.js";

/** Of one line in a log; a stack of recursion is longer than anybody reads. */
const LONGEST_STACK_CHARS = 8_000;
const DEEPEST_CAUSE = 4;

/** Where something that was thrown came from, with its causes. Total: never throws. */
export function stackOf(thrown: unknown): string {
  const parts: string[] = [];
  let error = thrown;
  // Some libraries say that there is no cause by null.
  for (let depth = 0; depth <= DEEPEST_CAUSE && (depth === 0 || (error ?? null) !== null); depth += 1) {
    const stack = peek(error, "stack");
    parts.push(typeof stack === "string" && stack !== "" ? stack : messageOf(error));
    error = peek(error, "cause");
  }
  return parts.join("\ncaused by: ").slice(0, LONGEST_STACK_CHARS);
}

/**
 * What a log line says of an error in code that was handed a job's data: what it is and where it was thrown, without its text,
 * which may repeat that data.
 */
export function framesOf(thrown: unknown): { readonly error: string; readonly stack: string } {
  const name = peek(thrown, "name");
  const frames = stackOf(thrown)
    .split("\n")
    .filter((line) => /^\s+at /.test(line));
  return { error: typeof name === "string" ? name : typeof thrown, stack: frames.join("\n") };
}
