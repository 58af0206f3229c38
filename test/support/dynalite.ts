import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import dynalite from "dynalite";

export interface Dynalite {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** How long requests under way are given at the stop. */
const QUIET_MS = 10_000;

/** DynamoDB on a free port of the loopback, in this process and in memory. */
export async function startDynalite(): Promise<Dynalite> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  const working = new Set<ServerResponse>();
  let stopping: (() => void) | null = null;
  const over = (response: ServerResponse): void => {
    if (working.delete(response) && working.size === 0) stopping?.();
  };
  server.prependListener("request", (request, response) => {
    if (stopping !== null) {
      request.destroy();
      return;
    }
    working.add(response);
    request.once("close", () => {
      // Of half a request nothing is made.
      if (!request.complete) over(response);
    });
    const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.end = ((...args: unknown[]) => {
      over(response);
      return end(...args);
    }) as typeof response.end;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    async stop() {
      // A request that it still works on when its database closes ends the process, whether or not anybody waits for it.
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, QUIET_MS);
        stopping = () => {
          clearTimeout(late);
          resolve();
        };
        if (working.size === 0) stopping();
      });
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
