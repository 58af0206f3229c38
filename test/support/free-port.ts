import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

/**
 * Below the ports that systems give to outgoing connections (Linux from 32,768, others from 49,152): one of those may be
 * taken by any connection before a server binds it, or while a server that was killed is down.
 */
const FIRST = 10_240;
const COUNT = 11_000;

/**
 * A port of the loopback for a server that binds it later, and again after a kill. It is this process's until it ends:
 * nobody else who asks here is given it, in whatever process.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + randomInt(COUNT);
    // Who listens on the twin has the port: the system itself gives it free when the process ends, however it ends.
    const twin = await bound(port + COUNT);
    if (twin === null) continue;
    twin.unref();
    const probe = await bound(port);
    await closed(probe ?? twin);
    if (probe !== null) return port;
  }
}

function bound(port: number): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => {
      resolve(null);
    });
    server.listen(port, "127.0.0.1", () => {
      resolve(server);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
