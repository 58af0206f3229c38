import pg from "pg";
import { loadPeer } from "../installed.js";
import { ignoreErrors, type Input, inputOf, type Peer, QUEUE, type Side } from "../peer.js";

/** What is used of graphile-worker 0.18. */
interface Utils {
  migrate(): Promise<void>;
  addJob(task: string, payload: Input, options: object): Promise<unknown>;
  release(): Promise<void>;
}

interface Module {
  readonly makeWorkerUtils: (options: object) => Promise<Utils>;
  readonly run: (options: object) => Promise<{ stop(): Promise<void>; readonly promise: Promise<void> }>;
  readonly Logger: new (factory: () => () => void) => object;
}

const READ =
  "select (payload->>'n')::int as n, locked_at is not null as locked, attempts >= max_attempts as over " +
  "from graphile_worker._private_jobs";

async function open({ port }: { readonly port: number }): Promise<Side> {
  const { makeWorkerUtils, run, Logger } = (await loadPeer("graphile-worker")) as Module;
  const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pool = new pg.Pool({ connectionString, max: 4 });
  ignoreErrors(pool);
  const logger = new Logger(() => () => undefined);
  let made: Promise<Utils> | null = null;
  const utils = (): Promise<Utils> => (made ??= makeWorkerUtils({ connectionString, logger }));
  let runner: Awaited<ReturnType<Module["run"]>> | null = null;
  return {
    prepare: async () => (await utils()).migrate(),
    add: async (n, key) => {
      await (await utils()).addJob(QUEUE, inputOf(n), key === undefined ? {} : { jobKey: key });
    },
    addWithin: async (n, ends) => {
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query("select graphile_worker.add_job($1, $2::json)", [QUEUE, inputOf(n)]);
        await client.query(ends);
      } finally {
        client.release();
      }
    },
    work: async (concurrency, handler) => {
      const taskList = { [QUEUE]: ({ n }: Input) => handler(n) };
      const maxPoolSize = concurrency + 2;
      runner = await run({
        connectionString,
        maxPoolSize,
        logger,
        concurrency,
        noHandleSignals: true,
        taskList,
      });
      // As its page on the library has it: what ends the worker ends the process.
      void runner.promise.then(
        () => process.exit(0),
        () => process.exit(1),
      );
    },
    hear: null,
    stored: async () => {
      const { rows } = await pool.query<{ n: number; locked: boolean; over: boolean }>(READ);
      return rows.map(({ n, locked, over }) => ({
        n,
        state: locked ? "running" : over ? "failed" : "waiting",
        output: null,
      }));
    },
    lapse: async () => {
      const shift = "set locked_at = locked_at - interval '4 hours 1 minute' where locked_at is not null";
      await pool.query(`update graphile_worker._private_jobs ${shift}`);
    },
    close: async () => {
      await runner?.stop().catch(() => undefined);
      await (await made?.catch(() => null))?.release();
      await pool.end();
    },
  };
}

export const graphileWorker: Peer = {
  name: "graphile-worker",
  engine: "postgres",
  package: "graphile-worker",
  settings: [
    "run() with its defaults and a pool of concurrency + 2; jobs of a dead worker stay locked for 4 h, which are let pass by " +
      "setting the stored locked_at back",
  ],
  keeps: "nothing",
  completion: "complete_job",
  open,
};
