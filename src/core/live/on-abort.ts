interface Waiting {
  readonly listeners: Set<() => void>;
  readonly abort: () => void;
}

/** What is needed of an `AbortSignal`. */
interface Abortable {
  readonly aborted: boolean;
  addEventListener(event: "abort", heard: () => void, options: { readonly once: true }): void;
  removeEventListener(event: "abort", heard: () => void): void;
}

/** Who waits for a signal. */
const waitingFor = new WeakMap<Abortable, Waiting>();

/**
 * Calls `listener` when a signal aborts. A thousand who share a signal put one listener on it: the platform warns of a leak
 * from the eleventh on. Returns how to stop; a signal that has aborted already calls nobody.
 */
export function onAbort(signal: Abortable | undefined, listener: () => void): () => void {
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

function listenTo(signal: Abortable): Waiting {
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
