import { processes } from "./processes.js";
import { runFolder, type TortureOptions, type TortureResult, torture } from "./torture.js";
import type { TortureStore } from "./torture-store.js";

/** Puts a store to torture that processes share: its own server, its own folder, real signals. */
export async function tortureProcesses(
  { name, pace, start, open }: TortureStore,
  options: TortureOptions,
  sabotage: string | null = null,
): Promise<TortureResult> {
  const { folder, remove } = runFolder();
  const server = await start(folder);
  try {
    const { address, crash } = server;
    const opened = await open(address);
    await opened.store.ready();
    const begin = await processes({ store: name, address, folder, sabotage });
    const result = await torture(options, { store: opened.store, begin, pace, crashServer: crash, folder });
    await opened.close();
    return result;
  } finally {
    await server.stop();
    // What went wrong is asked of the files.
    if (process.env["KEEP_TORTURE"] === undefined) remove();
  }
}
