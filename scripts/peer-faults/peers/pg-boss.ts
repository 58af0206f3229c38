import { randomUUID } from "node:crypto";
import pg from "pg";
import { loadPeer } from "../installed.js";
import {
  END_MARK,
  ignoreErrors,
  type Input,
  inputOf,
  type Peer,
  QUEUE,
  type Side,
  type StoredJob,
} from "../peer.js";

/** What is used of pg-boss 12. */
interface Boss {
  on(event: "error", listener: () => void): unknown;
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(name: string, data: Input, options: object): Promise<string | null>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { readonly data: Input }[]) => Promise<unknown>,
  ): Promise<string>;
}

interface Module {
  readonly PgBoss: new (options: object) => Boss;
}

/** Its page on heartbeats: no use below `monitorIntervalSeconds`, which is 60 by default. */
const QUEUE_OPTIONS = { heartbeatSeconds: 60 };
const STATES: Readonly<Record<string, StoredJob["state"]>> = {
  created: "waiting",
  retry: "waiting",
  active: "running",
  completed: "completed",
};

/** A UUID of the caller's own for each key: its ids are UUIDs. */
function idOf(key: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(key).toString("hex").slice(-12).padStart(12, "0")}`;
}

async function open({ port }: { readonly port: number }): Promise<Side> {
  const { PgBoss } = (await loadPeer("pg-boss")) as Module;
  const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pool = new pg.Pool({ connectionString, max: 4 });
  ignoreErrors(pool);
  let started: Promise<Boss> | null = null;
  const boss = (): Promise<Boss> =>
    (started ??= (async () => {
      const made = new PgBoss({ connectionString });
      ignoreErrors(made);
      await made.start();
      return made;
    })());
  return {
    prepare: async () => {
      await (await boss()).createQueue(QUEUE, QUEUE_OPTIONS);
    },
    add: async (n, key) => {
      await (await boss()).send(QUEUE, inputOf(n), { id: key === undefined ? randomUUID() : idOf(key) });
    },
    addWithin: async (n, ends) => {
      const sender = await boss();
      const client = await pool.connect();
      try {
        await client.query("begin");
        const db = { executeSql: (text: string, values: unknown[]) => client.query(text, values) };
        await sender.send(QUEUE, inputOf(n), { db });
        await client.query(ends);
      } finally {
        client.release();
      }
    },
    work: async (concurrency, run) => {
      const options = { localConcurrency: concurrency, pollingIntervalSeconds: 0.5 };
      await (await boss()).work(QUEUE, options, ([job]) => run(job?.data.n ?? -1));
    },
    hear: null,
    stored: async () => {
      const { rows } = await pool.query<{ n: number; state: string; output: string | null }>(
        "select (data->>'n')::int as n, state::text, output::text from pgboss.job where name = $1",
        [QUEUE],
      );
      return rows.map(({ n, state, output }) => ({ n, state: STATES[state] ?? "failed", output }));
    },
    lapse: null,
    close: async () => {
      const made = await started?.catch(() => null);
      await made?.stop({ graceful: false }).catch(() => undefined);
      await pool.end();
    },
  };
}

export const pgBoss: Peer = {
  name: "pg-boss",
  engine: "postgres",
  package: "pg-boss",
  settings: [
    "heartbeatSeconds 60 and monitorIntervalSeconds 60 (default), as its page on heartbeats has it; retryLimit 2 (default); " +
      "work with localConcurrency, polling every 0.5 s",
  ],
  keeps: "outcome",
  completion: END_MARK,
  open,
};
