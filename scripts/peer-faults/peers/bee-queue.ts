import { Redis } from "ioredis";
import { loadPeer } from "../installed.js";
import {
  ATTEMPTS,
  ignoreErrors,
  type Input,
  inputOf,
  type Peer,
  QUEUE,
  type Side,
  type StoredJob,
} from "../peer.js";

/** What is used of bee-queue 2. */
interface Job {
  readonly id: string | null;
  readonly data: Input;
  setId(id: string): Job;
  retries(times: number): Job;
  save(): Promise<unknown>;
}

interface Queue {
  createJob(data: Input): Job;
  process(concurrency: number, run: (job: Job) => Promise<unknown>): void;
  checkStalledJobs(intervalMs: number): Promise<number>;
  getJob(id: string): Promise<Job | null>;
  on(event: "error", listener: () => void): unknown;
  on(event: "job succeeded", listener: (jobId: string) => void): unknown;
  ready(): Promise<unknown>;
  close(timeoutMs: number): Promise<void>;
}

interface Module {
  readonly default: new (name: string, options: object) => Queue;
}

const CLOSE_MS = 500;
/** As its page has it: the same as `stallInterval`, which is 5 s. */
const CHECK_MS = 5_000;

async function open({ port }: { readonly port: number }): Promise<Side> {
  const { default: BeeQueue } = (await loadPeer("bee-queue")) as Module;
  const redis = { host: "127.0.0.1", port };
  const made: Queue[] = [];
  const make = (options: object): Queue => {
    const queue = new BeeQueue(QUEUE, { redis, ...options });
    ignoreErrors(queue);
    made.push(queue);
    return queue;
  };
  let sender: Queue | null = null;
  const producer = (): Queue => (sender ??= make({ isWorker: false, getEvents: false }));
  let reader: Redis | null = null;
  return {
    prepare: async () => undefined,
    add: async (n, key) => {
      const job = producer()
        .createJob(inputOf(n))
        .retries(ATTEMPTS - 1);
      await (key === undefined ? job : job.setId(key)).save();
    },
    addWithin: null,
    work: async (concurrency, run) => {
      const queue = make({});
      await queue.ready();
      queue.process(concurrency, ({ data }) => run(data.n));
      void queue.checkStalledJobs(CHECK_MS).catch(() => undefined);
    },
    hear: async (n, heard) => {
      const listener = make({ isWorker: false });
      await listener.ready();
      listener.on("job succeeded", (id) => {
        void listener.getJob(id).then((job) => {
          if (job?.data.n === n) heard();
        });
      });
    },
    stored: async () => {
      if (reader === null) ignoreErrors((reader = new Redis(redis)));
      return readJobs(reader);
    },
    lapse: null,
    close: async () => {
      reader?.disconnect();
      await Promise.allSettled(made.map((queue) => queue.close(CLOSE_MS)));
    },
  };
}

/** Its hash of jobs, and its lists, which alone say who is being worked on. */
async function readJobs(redis: Redis): Promise<readonly StoredJob[]> {
  const [jobs, active, succeeded, failed] = await Promise.all([
    redis.hgetall(`bq:${QUEUE}:jobs`),
    redis.lrange(`bq:${QUEUE}:active`, 0, -1),
    redis.smembers(`bq:${QUEUE}:succeeded`),
    redis.smembers(`bq:${QUEUE}:failed`),
  ]);
  return Object.entries(jobs).map(([id, text]) => {
    const { data } = JSON.parse(text) as { readonly data: Input };
    const ended = succeeded.includes(id) ? "completed" : failed.includes(id) ? "failed" : null;
    return { n: data.n, state: ended ?? (active.includes(id) ? "running" : "waiting"), output: null };
  });
}

export const beeQueue: Peer = {
  name: "bee-queue",
  engine: "redis",
  package: "bee-queue",
  settings: ["defaults: stallInterval 5 s, events on; retries 2; checkStalledJobs(5000) in every worker"],
  keeps: "end",
  completion: '"status":"succeeded"',
  open,
};
