import { appendFileSync } from "node:fs";
import type { Store } from "waybill";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";

/** Where a process that dies says when. */
export const DEATHS = "deaths.txt";

/**
 * A store whose process dies the moment that a job's end is stored: the answer is here, and nobody has heard of it.
 */
export function dyingOnceStored(store: Store, folder: string): Store {
  let isEnd = false;
  const inner = interceptStore(store, async (method, _, call) => {
    const reply = await call();
    if (method === "write" && isEnd) {
      appendFileSync(`${folder}/${DEATHS}`, `${String(Date.now())}\n`);
      process.kill(process.pid, "SIGKILL");
      // A signal to oneself arrives at once, but not within the call.
      await new Promise(() => undefined);
    }
    return reply;
  });
  return {
    ...inner,
    write: (request) => {
      isEnd = request.items.some(({ patch }) => patch.status === "COMPLETED");
      return inner.write(request);
    },
  };
}
