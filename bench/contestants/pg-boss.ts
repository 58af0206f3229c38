import pg from "pg";
import {
  type Contestant,
  handle,
  type Payload,
  type Place,
  type WorkMode,
  type Working,
} from "../lib/contestant.js";
import { loadPeer } from "./peers.js";

/** What is used of pg-boss 12. */
interface Boss {
  on(event: "error", listener: (error: unknown) => void): void;
  start(): Promise<unknown>;
  stop(options: { readonly graceful: boolean }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  send(name: string, data: object): Promise<string | null>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { readonly id: string; readonly data: Payload }[]) => Promise<readonly object[]>,
  ): Promise<string>;
}

interface Module {
  readonly PgBoss: new (options: object) => Boss;
}

const QUEUE = "bench";
/** The statement that records a batch's outcomes. */
const RECORDS = /set completed_on = [\s\S]*output = i\.output/i;

/**
 * Batches with a result for each job, fetched on while they come back full, as its documentation has it for throughput;
 * notifications only where a single job is waited for, since they slow every insert (and are off by default).
 */
export async function open(place: Place): Promise<Contestant> {
  const { PgBoss } = (await loadPeer("pg-boss")) as Module;
  const url = place["url"] ?? "";
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  let recorded: (count: number) => void = () => undefined;
  const listeners: pg.Client[] = [];
  let closing = false;
  const db = {
    executeSql: async (text: string, values: unknown[] = []) => {
      const result = await pool.query<Record<string, unknown>>(text, values);
      if (RECORDS.test(text)) recorded((JSON.parse(String(values[1])) as readonly unknown[]).length);
      return result;
    },
    listen: async (channel: string, onPayload: (payload: string) => void, onReconnect: () => void) => {
      const client = new pg.Client(url);
      listeners.push(client);
      await client.connect();
      client.on("notification", (message) => {
        onPayload(message.payload ?? "");
      });
      await client.query(`listen "${channel}"`);
      onReconnect();
      return { close: async () => undefined };
    },
  };
  let started: { readonly boss: Boss; readonly notify: boolean } | null = null;

  /** Notifications belong to the queue, so both sides must want the same. */
  const boss = async (notify: boolean): Promise<Boss> => {
    if (started?.notify === notify) return started.boss;
    await started?.boss.stop({ graceful: false });
    const fresh = new PgBoss({ db, schema: "pgboss", schedule: false, useListenNotify: notify });
    fresh.on("error", (error) => {
      // Its pollers outlive `stop` for a moment.
      if (!closing) console.error(error);
    });
    await fresh.start();
    await fresh.createQueue(QUEUE, { notify });
    started = { boss: fresh, notify };
    return fresh;
  };
  const wantsNotify = place["alert"] === "true";

  return {
    prepare: async () => {
      await pool.query("drop schema if exists pgboss cascade");
      await boss(wantsNotify);
    },
    submit: async (payload) => {
      await (await boss(wantsNotify)).send(QUEUE, payload);
    },
    load: async (payloads) => {
      const to = await boss(wantsNotify);
      for (let from = 0; from < payloads.length; from += 1_000) {
        await to.insert(
          QUEUE,
          payloads.slice(from, from + 1_000).map((data) => ({ data })),
        );
      }
    },
    work: async ({ concurrency }: WorkMode, tell): Promise<Working> => {
      recorded = tell;
      const options = {
        batchSize: concurrency,
        perJobResults: true,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
      };
      const from = await boss(wantsNotify);
      await from.work(QUEUE, options, (jobs) =>
        Promise.all(
          jobs.map(async ({ id, data }) => ({ id, status: "completed", output: await handle(data) })),
        ),
      );
      return { stop: async () => undefined };
    },
    done: async () => {
      const { rows } = await pool.query<{ n: number }>(
        "select count(*)::int as n from pgboss.job where state = 'completed'",
      );
      return rows[0]?.n ?? 0;
    },
    close: async () => {
      closing = true;
      await started?.boss.stop({ graceful: false });
      for (const client of listeners) await client.end();
      await pool.end();
    },
  };
}
