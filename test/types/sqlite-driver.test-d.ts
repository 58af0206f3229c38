import type BetterSqlite3 from "better-sqlite3";
import type Libsql from "libsql";
import { sqliteStore, type SqliteDatabase } from "../../src/sqlite.js";

declare const libsql: InstanceType<typeof Libsql>;
declare const betterSqlite3: BetterSqlite3.Database;

/**
 * `DatabaseSync` of `node:sqlite`, as @types/node 22 declares the part that the store uses: the types of Node 20, the oldest
 * that is supported, lack it. That it works is tested on a Node that has it, by `npm run test:drivers`.
 */
type NodeValue = null | number | bigint | string | NodeJS.ArrayBufferView;
interface NodeStatement {
  run(...anonymousParameters: NodeValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  run(
    namedParameters: Record<string, NodeValue>,
    ...anonymousParameters: NodeValue[]
  ): { changes: number | bigint; lastInsertRowid: number | bigint };
  all(...anonymousParameters: NodeValue[]): Record<string, NodeValue>[];
  all(
    namedParameters: Record<string, NodeValue>,
    ...anonymousParameters: NodeValue[]
  ): Record<string, NodeValue>[];
}
declare const nodeSqlite: { prepare(sql: string): NodeStatement; exec(sql: string): void };

libsql satisfies SqliteDatabase;
betterSqlite3 satisfies SqliteDatabase;
nodeSqlite satisfies SqliteDatabase;

sqliteStore({ db: libsql });
sqliteStore({ db: betterSqlite3, durability: "normal" });
const store = sqliteStore({ db: nodeSqlite, durability: "full" });

// @ts-expect-error -- a path is not a connection
sqliteStore({ db: "jobs.db" });
// @ts-expect-error -- neither full nor normal
sqliteStore({ db: libsql, durability: "off" });
// @ts-expect-error -- a promise-based client cannot decide within one transaction
sqliteStore({ db: { prepare: async (_sql: string) => ({}), exec: async (_sql: string) => undefined } });
// @ts-expect-error -- a shared connection has no transaction to offer
void store.create({ nowMs: 0, items: [], tx: {} });
