import type { PublishContext } from "../../core/ports/notifier.js";

/** How long a call may take where nothing else is said. */
export const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * Beyond a notifier's own deadline, by which each event is answered for itself. Of a call that is ended from outside no answer is
 * heard any more: what it had delivered by then would be told again.
 */
export const GRACE_MS = 1_000;

/** The same context, with a signal that also aborts when the time of a call is over. */
export function withDeadline(given: PublishContext, timeoutMs: number): PublishContext {
  const signal = AbortSignal.any([given.signal, AbortSignal.timeout(timeoutMs)]);
  return { signal, view: (jobId) => given.view(jobId) };
}
