/** How long a call may take where nothing else is said. */
export const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * Beyond a notifier's own deadline, by which each event is answered for itself. The relay hears a call for no more than a second
 * after it has ended it: what was delivered by then and not said would be told again.
 */
export const GRACE_MS = 1_000;

/**
 * Calls with a signal that aborts with another one, or when a time is over. What `AbortSignal.any` makes of
 * `AbortSignal.timeout` may not: Node forgets the latter when it collects memory.
 */
export async function withDeadline<T>(
  outer: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const end = (): void => {
    ending.abort();
  };
  if (outer.aborted) end();
  outer.addEventListener("abort", end);
  const timer = setTimeout(end, ms).unref();
  try {
    return await call(ending.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", end);
  }
}
