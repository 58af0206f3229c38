import pg from "pg";
import { memoryQueue } from "../../../src/adapters/memory/queue.js";
import { openDatabase } from "../../integration/sqlite-driver.js";
import type { PostgresServer } from "../../support/postgres-server.js";
import { type Database, postgresDatabase, retrying, sqliteDatabase } from "../naive/database.js";
import { JobRunner } from "../naive/job-runner.js";
import { JobTable, SCHEMA } from "../naive/job-table.js";
import { Link, NoAnswer } from "./link.js";
import { MEANS, type Means } from "./means.js";
import type { Build, Process, System, SystemOptions, Truth } from "./system.js";
import { fakeTime, ProcessClock, realTime, type Time } from "./time.js";

/** Where the tables of one system are. */
interface Place {
  readonly time: Time;
  readonly means: Means;
  /** The connection of one process. */
  connect(): Promise<Database>;
  /** The test's own. */
  readonly observer: Database;
  close(): Promise<void>;
}

async function open(
  place: Place,
  { queue: withQueue = false, external = false }: SystemOptions = {},
): Promise<System> {
  const { time, means } = place;
  const queue = withQueue ? memoryQueue({ clock: time.clock, visibilityMs: means.leaseMs }) : null;
  await place.observer.query(SCHEMA);
  const table = new JobTable(place.observer);
  const freezing: (() => void)[] = [];
  let made = 0;
  const process = async (name: string): Promise<Process> => {
    const link = new Link();
    const clock = new ProcessClock(time.clock);
    const connection = await place.connect();
    const linked: Database = { query: (sql, params) => link.carry(() => connection.query(sql, params)) };
    const runner = new JobRunner({
      ...means,
      name,
      clock,
      queue,
      external,
      table: new JobTable(retrying(linked, (error) => error instanceof NoAnswer && error.applied)),
      newId: () => `job-${String((made += 1))}`,
    });
    const freeze = (): void => {
      link.freeze();
      clock.freeze();
    };
    freezing.push(freeze);
    return {
      name,
      link,
      submit: (key) => runner.submit(key),
      show: (id) => runner.show(id),
      cancel: (id) => runner.cancel(id),
      work: (work) => runner.work(work),
      repair: () => runner.repair(),
      freeze,
      thaw: () => {
        clock.thaw();
        link.thaw();
      },
    };
  };
  return {
    ...means,
    time,
    process,
    truth: async (id): Promise<Truth | null> => table.find(id),
    messages: () => (queue === null ? null : queue.depth() + queue.inFlight()),
    close: async () => {
      // Workers that nobody stopped must not go on using what is closed.
      for (const freeze of freezing) freeze();
      await place.close();
    },
  };
}

/** In one process, on a SQLite database in memory and a fake clock. */
export const NAIVE: Build = {
  name: "a naive build",
  open: async (options) => {
    const db = openDatabase(":memory:");
    const place: Place = {
      time: fakeTime(),
      means: MEANS.fake,
      connect: async () => sqliteDatabase(db),
      observer: sqliteDatabase(db),
      close: async () => {
        db.close();
      },
    };
    return open(place, options);
  },
};

/** On a Postgres server, each process with the connection that it made when it started. */
export function naiveOnPostgres(server: PostgresServer): Build {
  return {
    name: "a naive build on Postgres",
    open: async (options) => {
      const clients: pg.Client[] = [];
      const connect = async (): Promise<Database> => {
        const client = new pg.Client(server.connection);
        // As every tutorial says: unheard, it would end the process.
        client.on("error", () => undefined);
        await client.connect();
        clients.push(client);
        return postgresDatabase(client);
      };
      const close = async (): Promise<void> => {
        await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      };
      const observer = postgresDatabase(server.pool());
      return open({ time: realTime(), means: MEANS.real, connect, observer, close }, options);
    },
  };
}
