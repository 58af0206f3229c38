import { type Connections, connectionsOf } from "../connections.js";
import { underWay } from "../effects.js";
import { processes } from "../processes.js";
import { runFolder, torture, type TortureOptions, type TortureResult } from "../torture.js";
import type { TortureStore } from "../torture-store.js";
import { followAcknowledged } from "./submitter.js";
import type { TortureQueue } from "./torture-queue.js";

/** By their first letter: some that work, one that submits and one that reconciles. */
function livesOf(workers: number): readonly string[] {
  const names = Array.from({ length: workers }, (_, index) => `w${index + 1}`);
  return [...names, `s${workers + 1}`, `r${workers + 2}`];
}

/**
 * Puts a store and a queue to torture together. Who works, who submits and who reconciles are processes of their own, and
 * each is killed in its turn; so is the broker, where one stands behind the queue.
 */
export async function torturePair(
  store: TortureStore,
  queue: TortureQueue,
  options: TortureOptions,
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
  let connections: Connections | null = null;
  try {
    const opened = await store.open(storeServer.address);
    const openedQueue = await queue.open(queueServer.address);
    await opened.store.ready();
    const { seed, jobs, loadMs, workers } = options;
    // Who works, and who submits: of its creates the replies are lost, too.
    connections = await connectionsOf(options, storeServer.address, ["w1", `s${workers + 1}`]);
    const lives = {
      store: store.name,
      address: storeServer.address,
      queue: { name: queue.name, address: queueServer.address },
      submit: { seed, jobs, loadMs, startedAt: Date.now() },
      folder,
      sabotage: null,
    };
    const result = await torture(options, {
      store: opened.store,
      queue: openedQueue.queue,
      lives: livesOf(workers),
      acknowledged: followAcknowledged(folder),
      underWay: (life) => underWay(folder, life),
      begin: await processes(lives, connections),
      pace: store.pace,
      crashServer: queueServer.crash ?? storeServer.crash,
      connections,
      folder,
    });
    await openedQueue.close();
    await opened.close();
    return result;
  } finally {
    await connections?.close();
    await queueServer.stop();
    await storeServer.stop();
    // What went wrong is asked of the files.
    if (process.env["KEEP_TORTURE"] === undefined) remove();
  }
}
