import type { TortureStore } from "./torture-store.js";

/** By name: a worker's process loads only the engine that it is told to. */
const STORES: Readonly<Record<string, () => Promise<TortureStore>>> = {
  sqlite: async () => (await import("./sqlite-torture.js")).sqliteTorture,
  redis: async () => (await import("./redis-torture.js")).redisTorture,
  postgres: async () => (await import("./postgres-torture.js")).postgresTorture,
  dynamodb: async () => (await import("./dynamodb-torture.js")).dynamodbTorture,
};

export async function storeNamed(name: string): Promise<TortureStore> {
  const load = STORES[name];
  if (load === undefined) throw new Error(`no store ${name}: there are ${Object.keys(STORES).join(", ")}`);
  return load();
}
