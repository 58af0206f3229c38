import { loadPeer } from "../installed.js";
import {
  ATTEMPTS,
  ignoreErrors,
  type Input,
  inputOf,
  QUEUE,
  type RunJob,
  type Side,
  type StoredJob,
} from "../peer.js";

/** What is used of BullMQ 6. */
interface Job {
  readonly data: Input;
  /** `null`: none yet. */
  readonly returnvalue: object | null;
}

interface Emitter {
  on(event: "error", listener: () => void): unknown;
  close(): Promise<void>;
}

interface Queue extends Emitter {
  add(name: string, data: Input, options: object): Promise<unknown>;
  getJobs(states: readonly string[], start: number, end: number): Promise<readonly (Job | undefined)[]>;
  getJob(id: string): Promise<Job | undefined>;
}

interface QueueEvents extends Emitter {
  on(event: "error", listener: () => void): unknown;
  on(event: "completed", listener: (told: { readonly jobId: string }) => void): unknown;
  waitUntilReady(): Promise<unknown>;
}

interface Module {
  readonly Queue: new (name: string, options: object, backend?: unknown) => Queue;
  readonly Worker: new (
    name: string,
    run: (job: Job) => Promise<unknown>,
    options: object,
    backend?: unknown,
  ) => Emitter & { waitUntilReady(): Promise<unknown> };
  readonly QueueEvents: new (name: string, options: object, backend?: unknown) => QueueEvents;
  readonly createPostgresBackend: unknown;
  readonly runMigrations: (client: object) => Promise<void>;
}

const STATES: readonly (readonly [StoredJob["state"], readonly string[]])[] = [
  ["waiting", ["waiting", "delayed", "prioritized"]],
  ["running", ["active"]],
  ["completed", ["completed"]],
  ["failed", ["failed"]],
];
const MANY = 10_000;

export function bullmqModule(): Promise<Module> {
  return loadPeer("bullmq") as Promise<Module>;
}

/** One Queue for the process and one Worker, with the defaults of both. */
export function bullmqSide(
  bullmq: Module,
  options: object,
  backend: unknown,
  prepare: () => Promise<void>,
): Side {
  const opened: Emitter[] = [];
  const own = <E extends Emitter>(made: E): E => {
    ignoreErrors(made);
    opened.push(made);
    return made;
  };
  let queue: Queue | null = null;
  const sender = (): Queue => (queue ??= own(new bullmq.Queue(QUEUE, options, backend)));
  return {
    prepare,
    add: async (n, key) => {
      await sender().add(QUEUE, inputOf(n), {
        attempts: ATTEMPTS,
        ...(key === undefined ? {} : { jobId: key }),
      });
    },
    addWithin: null,
    work: async (concurrency, run: RunJob) => {
      const worker = own(
        new bullmq.Worker(QUEUE, ({ data }) => run(data.n), { ...options, concurrency }, backend),
      );
      await worker.waitUntilReady();
    },
    hear: async (n, heard) => {
      const events = own(new bullmq.QueueEvents(QUEUE, options, backend));
      events.on("completed", ({ jobId }) => {
        void sender()
          .getJob(jobId)
          .then((job) => {
            if (job?.data.n === n) heard();
          });
      });
      await events.waitUntilReady();
    },
    stored: async () => {
      const found: StoredJob[] = [];
      for (const [state, names] of STATES) {
        for (const job of await sender().getJobs(names, 0, MANY)) {
          if (job === undefined) continue;
          const output = state === "completed" ? JSON.stringify(job.returnvalue) : null;
          found.push({ n: job.data.n, state, output });
        }
      }
      return found;
    },
    lapse: null,
    close: async () => {
      await Promise.allSettled(opened.map((one) => one.close()));
    },
  };
}
