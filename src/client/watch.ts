import type { TopicStore } from "./stores.js";
import type { HeldView } from "./topic.js";

/** The views of a store of one job, newest only, until the last. */
export async function* watchStore(store: TopicStore, signal?: AbortSignal): AsyncGenerator<HeldView, void> {
  let wake: () => void = () => undefined;
  const look = (): void => {
    wake();
  };
  const stop = store.subscribe(look);
  signal?.addEventListener("abort", look);
  let seen: HeldView | undefined;
  try {
    while (signal?.aborted !== true) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const { state, job = null, error } = store.getSnapshot();
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
