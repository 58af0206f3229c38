// Part of the naive build: see job-runner.ts.
import type pg from "pg";
import type { SqliteDatabase } from "../../../src/sqlite.js";

export type Value = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** A driver: one statement, its rows. Placeholders are `?`. */
export interface Database {
  query(sql: string, params?: readonly Value[]): Promise<readonly Row[]>;
}

export function sqliteDatabase(db: SqliteDatabase): Database {
  return {
    query: async (sql, params = []) => db.prepare(sql).all(...(params as readonly never[])) as Row[],
  };
}

/** @param client - in the naive build, the one connection that the process made when it started */
export function postgresDatabase(client: pg.Client | pg.Pool): Database {
  return {
    query: async (sql, params = []) => {
      let place = 0;
      const text = sql.replaceAll("?", () => `$${String((place += 1))}`);
      return (await client.query<Record<string, unknown>>(text, [...params])).rows;
    },
  };
}

/** Sends a statement again when no answer came, as drivers and cloud SDKs do by themselves. */
export function retrying(db: Database, isTimeout: (error: unknown) => boolean): Database {
  return {
    query: async (sql, params) => {
      try {
        return await db.query(sql, params);
      } catch (error) {
        if (!isTimeout(error)) throw error;
        return db.query(sql, params);
      }
    },
  };
}
