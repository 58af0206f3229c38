import { memoryStore } from "../../src/adapters/memory/store.js";
import { sqliteStore } from "../../src/adapters/sqlite/store.js";
import { openDatabase } from "../integration/sqlite-driver.js";
import type { StoreKind } from "./all-cuts.js";
import { sameForEqual } from "./same-for-equal.js";

export const MEMORY: StoreKind = {
  name: "memory",
  make: () => ({ store: () => memoryStore(), release: async () => undefined }),
};

export const SQLITE: StoreKind = {
  name: "sqlite",
  make: () => {
    sqlite ??= openSqlite();
    const { store, empty } = sqlite;
    return { store: () => sameForEqual(store), release: empty };
  },
};

/** One database for all cases, emptied after each: making its tables anew takes longer than a case. */
let sqlite: ReturnType<typeof openSqlite> | null = null;

function openSqlite() {
  const db = openDatabase(":memory:");
  const tables = (): readonly string[] =>
    db
      .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
      .all()
      .map((row) => String((row as { readonly name: unknown }).name));
  return {
    store: sqliteStore({ db }),
    empty: async () => {
      for (const table of tables()) db.exec(`delete from "${table}"`);
    },
  };
}
