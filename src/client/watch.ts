import type { ClientError } from "./client-error.js";
import type { Store } from "./snapshot.js";

interface Shown<V> {
  readonly state: string;
  readonly job: V | null;
  readonly error?: ClientError;
}

/** The views of a store of one job, newest only, until the last. */
export async function* watchStore<V>(store: Store<Shown<V>>, signal?: AbortSignal): AsyncGenerator<V, void> {
  let wake: () => void = () => undefined;
  const look = (): void => {
    wake();
  };
  const stop = store.subscribe(look);
  signal?.addEventListener("abort", look, { once: true });
  let seen: V | null = null;
  try {
    while (signal?.aborted !== true) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const { state, job, error } = store.getSnapshot();
      if (error !== undefined) throw error;
      if (job !== null && job !== seen) {
        yield (seen = job);
        if (state === "final") return;
      } else await changed;
    }
  } finally {
    stop();
    signal?.removeEventListener("abort", look);
  }
}
