// The stores of this package for a test that must hold on each: real servers, one schema or prefix for each store.
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase } from "./sqlite-driver.js";

export interface Engine {
  readonly name: string;
  /** It cannot run on this machine. */
  readonly isMissing: boolean;
  /** An empty store. */
  open(): Promise<AnyStore>;
}

export const ENGINES: readonly Engine[] = [
  { name: "memory", isMissing: false, open: async () => memoryStore() },
  { name: "SQLite", isMissing: false, open: async () => sqliteStore({ db: openDatabase(":memory:") }) },
  { name: "Postgres", isMissing: postgresMissing() !== null, open: onPostgres },
  { name: "Redis", isMissing: redisMissing() !== null, open: onRedis },
];

async function onPostgres(): Promise<AnyStore> {
  const server = await postgresServer();
  const store = postgresStore({ client: server.pool({ max: 4 }), schema: server.schema() });
  await store.migrate();
  return store;
}

async function onRedis(): Promise<AnyStore> {
  const server = await redisServer();
  return redisStore({ client: server.client(), prefix: server.prefix() });
}
