import { WaybillError } from "../../core/errors/errors.js";

/** What a parameter may be. Booleans are left out: libsql ends the process on one. */
export type SqliteValue = string | number | null;

/**
 * A prepared statement, as far as the store uses it. The store passes text, numbers and null; `never` is what every
 * driver's own idea of a parameter accepts.
 */
export interface SqliteStatement {
  run(...params: never[]): { readonly changes: number | bigint };
  all(...params: never[]): unknown[];
}

/**
 * The connection that the store works on. `libsql` 0.5, `better-sqlite3` and `DatabaseSync` of `node:sqlite` all are one.
 *
 * Give the store a connection of its own: it sets `busy_timeout`, `journal_mode` and `synchronous` on it, and a
 * transaction that somebody else has open on it makes every call of the store fail.
 */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  /** libsql, better-sqlite3. */
  readonly inTransaction?: boolean;
  /** node:sqlite. */
  readonly isTransaction?: boolean;
}

/** @throws WaybillError `config.invalid` when it is no connection */
export function checkDatabase(db: unknown): void {
  const { prepare, exec } = (db ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof prepare === "function" && typeof exec === "function") return;
  throw new WaybillError(
    "config.invalid",
    "sqliteStore takes { db }, an open connection of libsql, better-sqlite3 or node:sqlite: not its path, and not by itself.",
  );
}

/** A row by column name. Integers are bigint where the caller's connection was told to read them so. */
export type Row = Readonly<Record<string, string | number | bigint | null>>;

/** The result codes of SQLite that the store tells apart. */
const CODES = {
  5: "BUSY",
  6: "LOCKED",
  8: "READONLY",
  10: "IOERR",
  11: "CORRUPT",
  13: "FULL",
  14: "CANTOPEN",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  26: "NOTADB",
} as const;

export type SqliteCode = (typeof CODES)[keyof typeof CODES];

interface DriverError {
  /** libsql, better-sqlite3: `SQLITE_BUSY_SNAPSHOT`. */
  readonly code?: unknown;
  /** libsql: 517. */
  readonly rawCode?: unknown;
  /** node:sqlite: 517. */
  readonly errcode?: unknown;
}

/** The primary result code of what a driver threw; `null`: another code, or no error of SQLite. */
export function sqliteCode(error: unknown): SqliteCode | null {
  if (typeof error !== "object" || error === null) return null;
  const { code, rawCode, errcode } = error as DriverError;
  const number = rawCode ?? errcode;
  // The low byte of an extended code is the primary one.
  if (typeof number === "number")
    return (CODES as Readonly<Record<number, SqliteCode>>)[number & 0xff] ?? null;
  const name = typeof code === "string" ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
  return Object.values(CODES).find((known) => known === name) ?? null;
}

/** Another connection holds the lock: the same call may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "BUSY" || code === "LOCKED";
}
