import type { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import type postgres from "postgres";
import type { CreateItem } from "../../src/core/ports/store.js";
import {
  fromPg,
  fromPostgresJs,
  listenOnPg,
  postgresMigrationSql,
  type PostgresClient,
  type PostgresListener,
  postgresStore,
  type PostgresTransaction,
} from "../../src/postgres.js";

declare const pool: pg.Pool;
declare const client: pg.Client;
declare const poolClient: pg.PoolClient;
declare const sql: postgres.Sql;
declare const sqlInTransaction: postgres.TransactionSql;
declare const items: readonly CreateItem[];

declare const pglite: PGlite;

pool satisfies PostgresClient;
client satisfies PostgresClient;
poolClient satisfies PostgresTransaction;
pglite satisfies PostgresClient;
client satisfies PostgresListener;
pglite satisfies PostgresListener;
fromPostgresJs(sql) satisfies PostgresClient & PostgresListener;
listenOnPg(() => new pg.Client()) satisfies PostgresListener;
fromPg(pool) satisfies PostgresClient;
fromPg(poolClient) satisfies PostgresTransaction;

postgresStore({ client: pool });
postgresStore({ client: pool, schema: "jobs", listen: client });
postgresStore({ client: pglite, listen: pglite });
postgresStore({ client: fromPostgresJs(sql, { prepare: true }), listen: fromPostgresJs(sql) });
const store = postgresStore({ client: poolClient });

void store.create({ nowMs: 0, items });
void store.create({ nowMs: 0, items, tx: poolClient });
// @ts-expect-error -- a pool has no transaction: each statement runs on another connection
void store.create({ nowMs: 0, items, tx: pool });
void store.migrate();
postgresMigrationSql("jobs") satisfies string;

export async function transactions(): Promise<void> {
  await sql.begin(async (tx) => {
    await store.create({ nowMs: 0, items, tx: fromPostgresJs(tx) });
  });
  await pglite.transaction(async (tx) => {
    await store.create({ nowMs: 0, items, tx });
  });
}

// @ts-expect-error -- an address is not a connection
postgresStore({ client: "postgres://localhost" });
// @ts-expect-error -- postgres.js goes through fromPostgresJs
postgresStore({ client: sql });
// @ts-expect-error -- a pool has no connection of its own to listen with
postgresStore({ client: pool, listen: pool });
// @ts-expect-error -- a transaction of postgres.js cannot listen
fromPostgresJs(sqlInTransaction) satisfies PostgresListener;
// @ts-expect-error -- an option that does not exist
postgresStore({ client: pool, pool });
// @ts-expect-error -- whatever it is, it runs no statement
void store.create({ nowMs: 0, items, tx: {} });
