import type pg from "pg";
import postgres from "postgres";
import { describe, it } from "vitest";
import { fromPostgresJs, type PostgresClient, postgresStore } from "../../src/postgres.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { postgresMissing, type PostgresServer, postgresServer } from "../support/postgres-server.js";

interface Connected {
  readonly client: PostgresClient;
  end(): Promise<void>;
}

/** Schemas that nobody uses, empty again: making one costs more than many a test in it. */
const emptied: string[] = [];

async function empty(pool: pg.Pool, schema: string): Promise<void> {
  const tables = ["job", "parked", "pulse"].map((table) => `delete from "${schema}".${table}`);
  await pool.query(tables.join(";"));
  emptied.push(schema);
}

function suiteOn(connect: (server: PostgresServer) => Connected): void {
  let shared: pg.Pool | null = null;
  storeSuite(
    { describe, it },
    {
      async create() {
        const server = await postgresServer();
        const admin = (shared ??= server.pool());
        const schema = emptied.pop() ?? server.schema();
        const connected: Connected[] = [];
        const open = () => {
          const one = connect(server);
          connected.push(one);
          return postgresStore({ client: one.client, schema });
        };
        const disconnect = async (): Promise<void> => {
          await Promise.all(connected.splice(0).map((one) => one.end()));
        };
        const store = open();
        await store.migrate();
        return {
          store,
          second: async () => open(),
          spoil: async (id) => {
            await admin.query(`update "${schema}".job set metadata = '{' where id = $1`, [id]);
          },
          reopen: async () => {
            await store.close();
            await disconnect();
            return open();
          },
          close: async () => {
            await disconnect();
            await empty(admin, schema);
          },
        };
      },
    },
  );
}

describe.skipIf(postgresMissing() !== null)("the Postgres store on pg", () => {
  suiteOn((server) => {
    const pool = server.pool();
    return { client: pool, end: () => pool.end() };
  });
});

describe.skipIf(postgresMissing() !== null)(
  "the Postgres store on postgres.js, with prepared statements",
  () => {
    suiteOn((server) => {
      const { host, port } = server.connection;
      const sql = postgres({ host, port, username: "postgres", database: "postgres", max: 5 });
      return { client: fromPostgresJs(sql, { prepare: true }), end: () => sql.end() };
    });
  },
);
