import { underWay } from "../effects.js";
import { processes } from "../processes.js";
import { runFolder, torture, type TortureOptions, type TortureResult } from "../torture.js";
import type { TortureStore } from "../torture-store.js";
import { followAcknowledged } from "./submitter.js";
import type { TortureQueue } from "./torture-queue.js";

/** By their first letter: two that work, one that submits and one that reconciles. */
const LIVES = ["w1", "w2", "s3", "r4"];

/**
 * Puts a store and a queue to torture together. Who works, who submits and who reconciles are processes of their own, and
 * each is killed in its turn; so is the broker, where one stands behind the queue.
 */
export async function torturePair(
  store: TortureStore,
  queue: TortureQueue,
  options: Omit<TortureOptions, "workers">,
): Promise<TortureResult> {
  const { folder, remove } = runFolder();
  const startingQueue = queue.start();
  const storeServer = await store.start(folder).catch(async (error: unknown) => {
    await (await startingQueue).stop();
    throw error;
  });
  const queueServer = await startingQueue.catch(async (error: unknown) => {
    await storeServer.stop();
    throw error;
  });
  try {
    const opened = await store.open(storeServer.address);
    const openedQueue = await queue.open(queueServer.address);
    await opened.store.ready();
    const { seed, jobs, loadMs } = options;
    const begin = await processes({
      store: store.name,
      address: storeServer.address,
      queue: { name: queue.name, address: queueServer.address },
      submit: { seed, jobs, loadMs, startedAt: Date.now() },
      folder,
      sabotage: null,
    });
    const result = await torture(
      { ...options, workers: LIVES.length },
      {
        store: opened.store,
        queue: openedQueue.queue,
        lives: LIVES,
        acknowledged: followAcknowledged(folder),
        underWay: (life) => underWay(folder, life),
        begin,
        pace: store.pace,
        crashServer: queueServer.crash,
        folder,
      },
    );
    await openedQueue.close();
    await opened.close();
    return result;
  } finally {
    await queueServer.stop();
    await storeServer.stop();
    // What went wrong is asked of the files.
    if (process.env["KEEP_TORTURE"] === undefined) remove();
  }
}
