/** A signal, and how its call says that all is answered. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Nothing from outside ends the call any more. The time still does: what drips in of an answer is cut off then. */
  readonly release: () => void;
}

/**
 * A signal that aborts with another one, or when a time is over, whether anybody holds it or not. What `AbortSignal.any` makes
 * of `AbortSignal.timeout` does not: Node forgets the latter when it collects memory, and nothing ends then.
 */
export function deadlineWithin(outer: AbortSignal, ms: number): Deadline {
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  if (outer.aborted) end();
  outer.addEventListener("abort", end);
  setTimeout(end, ms).unref();
  return {
    signal: ending.signal,
    release: () => {
      outer.removeEventListener("abort", end);
    },
  };
}
