import { Redis } from "ioredis";
import pg from "pg";
import type { Store } from "waybill";
import { postgresStore } from "waybill/postgres";
import { redisStore } from "waybill/redis";
import { sqliteStore } from "waybill/sqlite";
import { openDatabase } from "../integration/sqlite-driver.js";

export const PLACES = ["redis", "postgres", "sqlite"] as const;
export type Place = (typeof PLACES)[number];

/** A store as one process holds it. */
export interface Opened {
  readonly store: Store;
  close(): Promise<void>;
}

/**
 * Opens the store of one process, on what `test/torture` started.
 *
 * @param listens - `false`: it neither tells other processes of changes nor hears of theirs
 */
export function openPlace(place: Place, address: string, listens: boolean): Opened {
  const unlessDeaf = listens ? {} : { listen: false as const };
  if (place === "redis") {
    const client = new Redis({ host: "127.0.0.1", port: Number(address) });
    const store = redisStore({ client, durability: "local", ...unlessDeaf });
    return closedWith(store, () => {
      client.disconnect();
    });
  }
  if (place === "postgres") {
    const connection = { host: "127.0.0.1", port: Number(address), user: "postgres", database: "postgres" };
    const pool = new pg.Pool({ ...connection, max: 4 });
    return closedWith(postgresStore({ client: pool, ...unlessDeaf }), () => pool.end());
  }
  const db = openDatabase(address);
  return closedWith(sqliteStore({ db }), () => db.close());
}

function closedWith(store: Store, free: () => unknown): Opened {
  return {
    store,
    async close() {
      await store.close();
      await free();
    },
  };
}
