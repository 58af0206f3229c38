export type { SqliteDatabase, SqliteStatement } from "./adapters/sqlite/driver.js";
export type { SqliteDurability } from "./adapters/sqlite/open.js";
export { sqliteStore, type SqliteStoreOptions } from "./adapters/sqlite/store.js";
