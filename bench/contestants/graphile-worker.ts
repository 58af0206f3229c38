import pg from "pg";
import { type Contestant, handle, type Place, type WorkMode, type Working } from "../lib/contestant.js";
import { loadPeer } from "./peers.js";

/** What is used of graphile-worker 0.18. */
interface Utils {
  migrate(): Promise<void>;
  addJob(task: string, payload: object): Promise<unknown>;
  addJobs(jobs: readonly object[]): Promise<unknown>;
  release(): Promise<void>;
}

interface Module {
  readonly makeWorkerUtils: (options: object) => Promise<Utils>;
  readonly run: (options: object) => Promise<{ stop(): Promise<void>; readonly promise: Promise<void> }>;
  readonly Logger: new (factory: () => () => void) => object;
}

const TASK = "bench";
/** The statement that records outcomes: graphile-worker deletes what is done. */
const RECORDS = /^\s*delete from .*_private_jobs/i;

/** A local queue and batched completion, as its page on performance has it for throughput. */
export async function open(place: Place): Promise<Contestant> {
  const { makeWorkerUtils, run, Logger } = (await loadPeer("graphile-worker")) as Module;
  let recorded: (count: number) => void = () => undefined;
  const pgPool = new pg.Pool({ connectionString: place["url"], max: 10 });
  pgPool.on("error", () => undefined);
  pgPool.on("connect", (client) => {
    countRecords(client, (count) => {
      recorded(count);
    });
  });
  const logger = new Logger(() => () => undefined);
  let made: Utils | null = null;
  const utils = async (): Promise<Utils> => (made ??= await makeWorkerUtils({ pgPool, logger }));

  return {
    prepare: async () => {
      await pgPool.query("drop schema if exists graphile_worker cascade");
      await (await utils()).migrate();
    },
    submit: async (payload) => {
      await (await utils()).addJob(TASK, payload);
    },
    load: async (payloads) => {
      const to = await utils();
      for (let from = 0; from < payloads.length; from += 1_000) {
        await to.addJobs(
          payloads.slice(from, from + 1_000).map((payload) => ({ identifier: TASK, payload })),
        );
      }
    },
    work: async ({ concurrency, ahead }: WorkMode, tell): Promise<Working> => {
      recorded = tell;
      const batches = { localQueue: { size: concurrency + ahead }, completeJobBatchDelay: 0 };
      const runner = await run({
        pgPool,
        logger,
        concurrency,
        noHandleSignals: true,
        taskList: { [TASK]: handle },
        preset: { worker: ahead > 0 ? batches : {} },
      });
      return { stop: () => runner.stop() };
    },
    done: async () => null,
    close: async () => {
      await made?.release();
      await pgPool.end();
    },
  };
}

/** Counts the rows of every statement that records outcomes, when it is answered. */
function countRecords(client: pg.PoolClient, tell: (count: number) => void): void {
  const query = client.query.bind(client) as (...args: readonly unknown[]) => unknown;
  client.query = ((...args: readonly unknown[]) => {
    const answer = query(...args);
    const [asked] = args;
    const text = typeof asked === "string" ? asked : (asked as { readonly text?: string }).text;
    if (answer instanceof Promise && text !== undefined && RECORDS.test(text)) {
      void answer.then(({ rowCount }: { readonly rowCount: number | null }) => {
        tell(rowCount ?? 0);
      });
    }
    return answer;
  }) as typeof client.query;
}
