// What a database, a role or a connection string makes the default of every session changes nothing of the store.
import { describe, it } from "vitest";
import { postgresStore } from "../../src/postgres.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const DEFAULTS = {
  array_nulls: "off",
  backslash_quote: "off",
  bytea_output: "escape",
  DateStyle: "German, DMY",
  default_transaction_isolation: "serializable",
  enable_seqscan: "off",
  extra_float_digits: "-15",
  idle_in_transaction_session_timeout: "30000",
  IntervalStyle: "sql_standard",
  lock_timeout: "30000",
  plan_cache_mode: "force_generic_plan",
  quote_all_identifiers: "on",
  search_path: "nowhere",
  standard_conforming_strings: "off",
  statement_timeout: "60000",
  TimeZone: "Asia/Kathmandu",
  transform_null_equals: "on",
};

/** Where what is written and read depends on how a session writes it. */
const GROUPS = new Set(["write effect", "advance", "list", "hostile text"]);

describe.skipIf(postgresMissing() !== null)("the Postgres store under other defaults of a session", () => {
  const runner = {
    it,
    describe: (name: string, register: () => void) => {
      if (GROUPS.has(name)) describe(name, register);
    },
  };
  storeSuite(runner, {
    async create() {
      const server = await postgresServer();
      const schema = server.schema();
      const options = Object.entries(DEFAULTS)
        .map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
        .join(" ");
      const pool = server.pool({ options });
      const store = postgresStore({ client: pool, schema });
      await store.migrate();
      const close = async (): Promise<void> => {
        await store.close();
        await pool.end();
      };
      return { store, close };
    },
  });
});
