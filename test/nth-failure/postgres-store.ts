import pg from "pg";
import { fromPg, type PostgresClient, postgresStore } from "../../src/postgres.js";
import type { MadeStore, StoreKind } from "./all-cuts.js";
import { sameForEqual } from "./same-for-equal.js";

/** Where the server looks for functions before it looks among its own. */
const TIME_SCHEMA = "simulated_time";
const NOW = "simulated_time.now_ms";

/** Emptied by deleting, which is quicker for a few rows; dead rows are cleared out after so many cases. */
const TRUNCATE_EVERY = 40;
const TABLES = ["job", "parked", "pulse"] as const;

export interface PostgresKind extends StoreKind {
  close(): Promise<void>;
}

/**
 * Stores on a real server, one schema and one connection for all cases of a process.
 *
 * The Postgres store asks the server for the time, and a scenario has a time of its own. The statements are the store's,
 * to the letter: only `clock_timestamp()`, which each of them reads once, is found in another schema first, by the
 * connection's `search_path`, and answers what the simulated clock says. It stands for a server whose clock is right; a
 * clock that jumps is the simulation's matter.
 */
export async function postgresKind(connection: pg.ClientConfig, schema: string): Promise<PostgresKind> {
  const client = new pg.Client({
    ...connection,
    options: `-c search_path=${TIME_SCHEMA},pg_catalog -c ${NOW}=0`,
  });
  await client.connect();
  await client.query(`
    select pg_advisory_lock(1);
    create schema if not exists ${TIME_SCHEMA};
    create or replace function ${TIME_SCHEMA}.clock_timestamp() returns timestamptz language sql volatile
      as $$ select to_timestamp(current_setting('${NOW}')::bigint / 1000.0) $$;
    select pg_advisory_unlock(1);`);
  const cases = new Cases(client, schema);
  await cases.migrate();
  return { name: "postgres", make: () => cases.make(), close: () => client.end() };
}

class Cases {
  readonly #client: pg.Client;
  readonly #schema: string;
  readonly #prepared: PostgresClient;
  #now: () => number = () => 0;
  #told = -1;
  #cases = 0;

  constructor(client: pg.Client, schema: string) {
    this.#client = client;
    this.#schema = schema;
    const prepared = fromPg(client);
    this.#prepared = {
      query: (text, params) => {
        // One connection runs what it is given in order: the time is set before the statement that reads it.
        void this.#tellTime();
        return prepared.query(text, params);
      },
    };
  }

  migrate(): Promise<void> {
    return postgresStore({ client: this.#prepared, schema: this.#schema }).migrate();
  }

  make(): MadeStore {
    return {
      store: (now) => {
        this.#now = now;
        const store = postgresStore({ client: this.#prepared, schema: this.#schema });
        return sameForEqual(store);
      },
      release: () => this.#empty(),
    };
  }

  async #tellTime(): Promise<void> {
    const now = this.#now();
    if (now === this.#told) return;
    this.#told = now;
    await this.#client.query({
      name: "tell_time",
      text: "select set_config($1, $2, false)",
      values: [NOW, String(now)],
    });
  }

  async #empty(): Promise<void> {
    this.#cases += 1;
    const tables = TABLES.map((table) => `"${this.#schema}".${table}`);
    await this.#client.query(
      this.#cases % TRUNCATE_EVERY === 0
        ? `truncate ${tables.join(", ")}`
        : tables.map((table) => `delete from ${table}`).join("; "),
    );
  }
}
