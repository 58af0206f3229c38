import { type Contestant, handle, type Output, type Payload, type Place } from "../lib/contestant.js";
import { emptied, redisPlace } from "../lib/redis-place.js";
import { loadPeer } from "./peers.js";

/** What is used of bee-queue 2. */
interface Job {
  readonly data: Payload;
  save(): Promise<unknown>;
}

interface Queue {
  createJob(data: object): Job;
  saveAll(jobs: readonly Job[]): Promise<ReadonlyMap<Job, Error>>;
  process(concurrency: number, handler: (job: Job) => Promise<Output>): void;
  on(event: "succeeded", listener: () => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  checkHealth(): Promise<{ readonly succeeded: number }>;
  ready(): Promise<unknown>;
  close(timeoutMs: number): Promise<void>;
}

interface Module {
  readonly default: new (name: string, options: object) => Queue;
}

const QUEUE = "bench";
const CLOSE_MS = 2_000;

/** Without what its page says to switch off where it is not used: events between processes, and jobs kept to hear them. */
export async function open(place: Place): Promise<Contestant> {
  const { default: BeeQueue } = (await loadPeer("bee-queue")) as Module;
  const at = redisPlace(place);
  const silent = { redis: at, getEvents: false, sendEvents: false, storeJobs: false };
  const made: Queue[] = [];
  const make = (options: object): Queue => {
    const queue = new BeeQueue(QUEUE, { ...silent, ...options });
    queue.on("error", (error) => {
      console.error(error);
    });
    made.push(queue);
    return queue;
  };
  let sender: Queue | null = null;
  const producer = (): Queue => (sender ??= make({ isWorker: false }));

  return {
    prepare: () => emptied(at),
    submit: async (payload) => {
      await producer().createJob(payload).save();
    },
    load: async (payloads) => {
      for (let from = 0; from < payloads.length; from += 1_000) {
        const jobs = payloads.slice(from, from + 1_000).map((payload) => producer().createJob(payload));
        const errors = await producer().saveAll(jobs);
        if (errors.size > 0) throw new Error(`bee-queue: ${errors.size} jobs were not saved`);
      }
    },
    work: async ({ concurrency }, recorded) => {
      const worker = make({});
      worker.on("succeeded", () => {
        recorded(1);
      });
      worker.process(concurrency, ({ data }) => handle(data));
      return { stop: () => worker.close(CLOSE_MS) };
    },
    done: async () => (await producer().checkHealth()).succeeded,
    close: async () => {
      await Promise.all(made.map((queue) => queue.close(CLOSE_MS)));
    },
  };
}
