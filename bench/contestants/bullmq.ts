import { type Contestant, handle, type Output, type Payload, type Place } from "../lib/contestant.js";
import { emptied, redisPlace } from "../lib/redis-place.js";
import { loadPeer } from "./peers.js";

/** What is used of BullMQ 6. */
interface Queue {
  add(name: string, data: object, options: object): Promise<unknown>;
  addBulk(
    jobs: readonly { readonly name: string; readonly data: object; readonly opts: object }[],
  ): Promise<unknown>;
  close(): Promise<void>;
}

interface Worker {
  on(event: "completed", listener: () => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  close(force?: boolean): Promise<void>;
}

interface Module {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly Worker: new (
    name: string,
    handler: (job: { readonly data: Payload }) => Promise<Output>,
    options: object,
  ) => Worker;
}

const QUEUE = "bench";
/** As its page on production has it: not all jobs that are done are kept for ever. */
const opts = { removeOnComplete: { age: 3_600, count: 1_000 } };

/** One queue object and one worker for the process; each job that ends is answered with the next one, in one script. */
export async function open(place: Place): Promise<Contestant> {
  const bullmq = (await loadPeer("bullmq")) as Module;
  const connection = redisPlace(place);
  let made: Queue | null = null;
  const queue = (): Queue => (made ??= new bullmq.Queue(QUEUE, { connection }));

  return {
    prepare: () => emptied(connection),
    submit: async (payload) => {
      await queue().add(QUEUE, payload, opts);
    },
    load: async (payloads) => {
      for (let from = 0; from < payloads.length; from += 1_000) {
        await queue().addBulk(
          payloads.slice(from, from + 1_000).map((data) => ({ name: QUEUE, data, opts })),
        );
      }
    },
    work: async ({ concurrency }, recorded) => {
      const worker = new bullmq.Worker(QUEUE, ({ data }) => handle(data), {
        connection: { ...connection, maxRetriesPerRequest: null },
        concurrency,
      });
      worker.on("completed", () => {
        recorded(1);
      });
      worker.on("error", (error) => {
        console.error(error);
      });
      return { stop: () => worker.close() };
    },
    done: async () => null,
    close: async () => {
      await made?.close();
    },
  };
}
