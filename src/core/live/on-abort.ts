interface Waiting {
  readonly listeners: Set<() => void>;
  readonly abort: () => void;
}

/** Who waits for a signal. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `listener` when a signal aborts. A thousand who share a signal put one listener on it: the platform warns of a leak
 * from the eleventh on. Returns how to stop; a signal that has aborted already calls nobody.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined || signal.aborted) return () => undefined;
  const waiting = waitingFor.get(signal) ?? listenTo(signal);
  waiting.listeners.add(listener);
  return () => {
    waiting.listeners.delete(listener);
    if (waiting.listeners.size > 0 || waitingFor.get(signal) !== waiting) return;
    waitingFor.delete(signal);
    signal.removeEventListener("abort", waiting.abort);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const listeners = new Set<() => void>();
  const abort = (): void => {
    waitingFor.delete(signal);
    for (const listener of listeners) listener();
  };
  signal.addEventListener("abort", abort, { once: true });
  const waiting = { listeners, abort };
  waitingFor.set(signal, waiting);
  return waiting;
}
