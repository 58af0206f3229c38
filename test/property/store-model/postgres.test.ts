import type pg from "pg";
import { describe } from "vitest";
import { fromPg, type PostgresClient, postgresStore } from "../../../src/postgres.js";
import { postgresMissing, postgresServer } from "../../support/postgres-server.js";
import { storeModel } from "./store-model.js";
import type { ModelFixture } from "./world.js";

/** Where a function of the server's own name stands in for it: a search path that names `pg_catalog` looks there later. */
const CLOCK_SCHEMA = "model_clock";

interface Bench {
  readonly pool: pg.Pool;
  readonly schema: string;
  readonly tables: readonly string[];
}

let bench: Promise<Bench> | null = null;

/** One schema for all runs, emptied for each. One connection, since the clock is set for a connection. */
async function benchOf(): Promise<Bench> {
  const server = await postgresServer();
  const admin = server.pool({ max: 1 });
  await admin.query(`create schema ${CLOCK_SCHEMA}`);
  await admin.query(
    `create function ${CLOCK_SCHEMA}.clock_timestamp() returns timestamptz language sql volatile as ` +
      "$$ select 'epoch'::timestamptz + current_setting('model.now_ms')::bigint * interval '1 millisecond' $$",
  );
  const schema = server.schema();
  await postgresStore({ client: admin, schema }).migrate();
  const { rows } = await admin.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1 and tablename <> 'migration'",
    [schema],
  );
  const tables = rows.map(({ name }) => name);
  await admin.end();
  return {
    tables,
    schema,
    pool: server.pool({ max: 1, options: `-c search_path=${CLOCK_SCHEMA},pg_catalog` }),
  };
}

async function open(): Promise<ModelFixture> {
  const { pool, schema, tables } = await (bench ??= benchOf());
  await pool.query(tables.map((table) => `delete from ${table};`).join(" "));
  // Prepared, since planning takes most of the time of a statement on few rows.
  const prepared = fromPg(pool);
  let nowMs: number | null = null;
  const client: PostgresClient = {
    async query(text, params) {
      if (nowMs !== null) {
        await pool.query("select set_config('model.now_ms', $1, false)", [String(nowMs)]);
        nowMs = null;
      }
      return prepared.query(text, params);
    },
  };
  const store = postgresStore({ client, schema });
  return {
    store,
    setNow(ms) {
      nowMs = ms;
    },
    close: () => store.close(),
  };
}

describe.skipIf(postgresMissing() !== null)("the Postgres store, against its model", () => {
  storeModel(open);
});
