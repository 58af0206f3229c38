import { memoryStore } from "../../src/adapters/memory/store.js";
import { sqliteStore } from "../../src/adapters/sqlite/store.js";
import type { Store, StoredJob } from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/record.js";
import { interceptStore } from "../../src/testing/intercept-store.js";
import { openDatabase } from "../integration/sqlite-driver.js";
import type { StoreKind } from "./all-cuts.js";

export const MEMORY: StoreKind = {
  name: "memory",
  make: () => ({ store: memoryStore(), release: () => undefined }),
};

export const SQLITE: StoreKind = {
  name: "sqlite",
  make: () => {
    sqlite ??= openSqlite();
    return { store: sameForEqual(sqlite.store), release: sqlite.empty };
  },
};

/** One database for all cases, emptied after each: making its tables anew takes longer than a case. */
let sqlite: { readonly store: Store; readonly empty: () => void } | null = null;

function openSqlite() {
  const db = openDatabase(":memory:");
  const tables = (): readonly string[] =>
    db
      .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
      .all()
      .map((row) => String((row as { readonly name: unknown }).name));
  return {
    store: sqliteStore({ db }),
    empty: () => {
      for (const table of tables()) db.exec(`delete from "${table}"`);
    },
  };
}

/** The monitors tell what changed by identity: what is decoded anew at each read must be the same object while it is equal. */
function sameForEqual(store: Store): Store {
  const known = new Map<string, unknown>();
  const same = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const text = JSON.stringify(value);
    if (!known.has(text)) known.set(text, value);
    return known.get(text);
  };
  const withSame = (job: StoredJob): StoredJob => {
    const fields = Object.entries(job.record).map(([key, value]) => [key, same(value)]);
    return { ...job, record: Object.fromEntries(fields) as JobRecord };
  };
  return {
    ...interceptStore(store, (_method, _items, call) => call()),
    read: async (request) => {
      const reply = await store.read(request);
      return { ...reply, jobs: reply.jobs.map((job) => (job === null ? null : withSame(job))) };
    },
  };
}
