import { type Connections, connectionsOf } from "./connections.js";
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
  let connections: Connections | null = null;
  try {
    const { address, crash } = server;
    const opened = await open(address);
    await opened.store.ready();
    connections = await connectionsOf(options, address, ["w1", "w2"]);
    const begin = await processes({ store: name, address, folder, sabotage }, connections);
    const subject = { store: opened.store, begin, pace, crashServer: crash, connections, folder };
    const result = await torture(options, subject);
    await opened.close();
    return result;
  } finally {
    await connections?.close();
    await server.stop();
    // What went wrong is asked of the files.
    if (process.env["KEEP_TORTURE"] === undefined) remove();
  }
}
