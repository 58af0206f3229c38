import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { postgresStore } from "waybill/postgres";
import { startServer } from "./postgres-server.js";
import { PACE } from "./pace.js";
import type { OpenStore, TortureStore } from "./torture-store.js";

/** Fewer than a worker runs jobs: they wait for each other's. */
const MOST_CONNECTIONS = 4;

function openPool(port: string) {
  const pool = new pg.Pool({
    host: "127.0.0.1",
    port: Number(port),
    user: "postgres",
    database: "postgres",
    max: MOST_CONNECTIONS,
  });
  // An idle connection that breaks when the server is killed is no news.
  pool.on("error", () => undefined);
  const store = postgresStore({ client: pool });
  return { pool, store };
}

/** A real server with `fsync` on, whose processes are killed all at once. */
export const postgresTorture: TortureStore = {
  name: "postgres",
  hasServer: true,
  pace: PACE,
  async start() {
    const server = await startServer();
    const { pool, store } = openPool(server.port);
    await store.migrate();
    await pool.end();
    return { address: server.port, crash: () => server.crash(), stop: () => server.stop() };
  },
  async open(port): Promise<OpenStore> {
    const { pool, store } = openPool(port);
    return {
      store,
      occupy: (ms) => occupy(pool, ms),
      close: async () => {
        await store.close();
        await pool.end();
      },
    };
  },
};

/** What an application does that shares its pool and holds on to what it takes. */
async function occupy(pool: pg.Pool, ms: number): Promise<void> {
  const take = async (): Promise<void> => {
    const client = await pool.connect();
    client.on("error", () => undefined);
    await sleep(ms);
    client.release();
  };
  // A server that is down meanwhile gives none.
  await Promise.allSettled(Array.from({ length: MOST_CONNECTIONS }, take));
}
