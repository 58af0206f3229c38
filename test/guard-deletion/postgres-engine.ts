import pg from "pg";
import { type PostgresClient, postgresStore } from "../../src/postgres.js";
import type { Engine } from "./engine.js";
import type { TextMutator } from "./mutator.js";
import { sqlMutator } from "./sql/mutator.js";
import { ownTests, type CreateFixture, type SuiteTest, suiteTests } from "./suite-tests.js";

/** What a statement waits for at most, where it has lost what kept it from waiting. */
const LOCK_TIMEOUT_MS = 3_000;
const STATEMENT_TIMEOUT_MS = 10_000;
const TABLES = ["job", "parked", "pulse"] as const;

/** The classes of what the server cannot make sense of: syntax, names, types. */
const UNREADABLE = /^42/;

/** A client whose statements pass through the mutator. */
function through(client: pg.Pool, mutator: TextMutator): PostgresClient {
  return {
    query: async (sql, params) => {
      const changed = mutator.changed(sql);
      try {
        return await client.query(changed, params);
      } catch (error) {
        const code = (error as { readonly code?: unknown }).code;
        if (changed !== sql && typeof code === "string" && UNREADABLE.test(code)) {
          mutator.unreadable.add(`${changed} (${String(error)})`);
        }
        throw error;
      }
    },
  };
}

/** Schemas are made once, and emptied for the next test: making one takes longer than most tests. */
class Places {
  readonly #pool: pg.Pool;
  readonly #prefix: string;
  readonly #free: string[] = [];
  #made = 0;

  constructor(pool: pg.Pool, prefix: string) {
    this.#pool = pool;
    this.#prefix = prefix;
  }

  async take(): Promise<string> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#made += 1;
    const schema = `${this.#prefix}_${String(this.#made)}`;
    await postgresStore({ client: this.#pool, schema }).migrate();
    return schema;
  }

  async giveBack(schema: string): Promise<void> {
    const emptied = TABLES.map((table) => `delete from "${schema}".${table}`);
    await this.#pool.query(emptied.join("; "));
    this.#free.push(schema);
  }
}

export interface PostgresEngineOptions {
  readonly connection: pg.ClientConfig;
  /** Of the schemas' names: processes share a server. */
  readonly prefix: string;
  /** Tests of what only Postgres does, beside the suite. */
  readonly more?: (makeStore: MakeStore) => readonly SuiteTest[];
}

/** A store in an empty place. */
export type MakeStore = <T>(use: (place: PostgresPlace) => Promise<T>) => Promise<T>;

export interface PostgresPlace {
  readonly schema: string;
  /** Through the mutator. */
  readonly client: PostgresClient;
  /** Not through it. */
  readonly pool: pg.Pool;
  /** Through the mutator, on a connection of other settings that ends with `use`. */
  withSettings<T>(settings: string, use: (client: PostgresClient) => Promise<T>): Promise<T>;
}

/** The Postgres store on a real server. */
export function postgresEngine({ connection, prefix, more }: PostgresEngineOptions): Engine {
  const mutator = sqlMutator();
  const options = `-c lock_timeout=${String(LOCK_TIMEOUT_MS)} -c statement_timeout=${String(STATEMENT_TIMEOUT_MS)}`;
  const pool = new pg.Pool({ ...connection, max: 10, options });
  const places = new Places(pool, prefix);
  const client = through(pool, mutator);
  const withSettings: PostgresPlace["withSettings"] = async (settings, use) => {
    const other = new pg.Pool({ ...connection, max: 1, options: `${options} ${settings}` });
    try {
      return await use(through(other, mutator));
    } finally {
      await other.end();
    }
  };
  const create: CreateFixture = async () => {
    const schema = await places.take();
    const open = () => postgresStore({ client, schema });
    return {
      store: open(),
      second: async () => open(),
      reopen: async () => open(),
      close: () => places.giveBack(schema),
    };
  };
  const makeStore: MakeStore = async (use) => {
    const schema = await places.take();
    try {
      return await use({ schema, client, pool, withSettings });
    } finally {
      await places.giveBack(schema);
    }
  };
  const pages = ownTests(create);
  const tests = [...suiteTests(create), ...pages, ...(more?.(makeStore) ?? [])];
  return { mutator, tests, close: () => pool.end() };
}
