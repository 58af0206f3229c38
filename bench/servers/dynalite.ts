import type { AddressInfo } from "node:net";
import dynalite from "dynalite";

export interface DynaliteServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** The emulator in this process, which only waits while others measure; its tables live in memory. */
export async function startDynalite(): Promise<DynaliteServer> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
