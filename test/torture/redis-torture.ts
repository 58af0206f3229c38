import { Redis } from "ioredis";
import { redisStore } from "waybill/redis";
import { startRedis } from "../integration/redis-process.js";
import { PACE } from "./pace.js";
import type { OpenStore, TortureStore } from "./torture-store.js";

/** A real server that syncs every write, so that it may lose none when it is killed. */
export const redisTorture: TortureStore = {
  name: "redis",
  hasServer: true,
  pace: PACE,
  async start() {
    const server = await startRedis({ settings: { appendonly: "yes", appendfsync: "always" } });
    return {
      address: String(server.port),
      async crash() {
        await server.kill();
        await server.start();
      },
      stop: () => server.stop(),
    };
  },
  async open(port): Promise<OpenStore> {
    const client = new Redis({ host: "127.0.0.1", port: Number(port), retryStrategy: () => 50 });
    // A connection that breaks when the server is killed is no news.
    client.on("error", () => undefined);
    const store = redisStore({ client, durability: "local" });
    return {
      store,
      // Everything that is asked on the one connection waits behind a command that waits.
      occupy: async (ms) => {
        await client.blpop("nothing", ms / 1_000).catch(() => undefined);
      },
      close: async () => {
        await store.close();
        client.disconnect();
      },
    };
  },
};
