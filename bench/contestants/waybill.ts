import { createWaybill, defineJob } from "../../src/index.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { AnyStore, Store } from "../../src/core/ports/store.js";
import {
  type Contestant,
  handle,
  type Output,
  type Payload,
  type WorkMode,
  type Working,
} from "../lib/contestant.js";

const schema = <T>() => ({
  "~standard": {
    version: 1 as const,
    vendor: "bench",
    validate: (value: unknown) => ({ value: value as T }),
    types: undefined as { readonly input: T; readonly output: T } | undefined,
  },
});

const bench = defineJob({ kind: "bench.work", input: schema<Payload>(), output: schema<Output>() });

interface Means {
  readonly store: AnyStore;
  /** Where the store hands no jobs over. */
  readonly queue?: Queue;
  readonly prepare: () => Promise<void>;
  readonly done: () => Promise<number | null>;
  readonly close: () => Promise<void>;
}

/** Waybill on any store. Nothing but the store, and a queue where it needs one, differs between engines. */
export function waybillOn({ store, queue, prepare, done, close }: Means): Contestant {
  let recorded: (count: number) => void = () => undefined;
  const waybill = createWaybill({
    jobs: [bench],
    // Which transactions the store takes does not matter to any call that is made here.
    store: store as Store,
    ...(queue === undefined
      ? {}
      : {
          queue: heard(queue, () => {
            recorded(1);
          }),
        }),
    telemetry: {
      start: ({ port, operation, items }) => {
        // The handlers say nothing on the way, so every write is an outcome; but a hand-over to a queue is one too.
        if (port !== "store" || operation !== "write" || queue !== undefined) return undefined;
        return ({ error }) => {
          if (error === undefined) recorded(items);
        };
      },
    },
  });
  return {
    prepare,
    submit: async (payload) => {
      await waybill.submit(bench, payload).unwrap();
    },
    load: async (payloads) => {
      for (let from = 0; from < payloads.length; from += 1_000) {
        await waybill.submitMany(
          bench,
          payloads.slice(from, from + 1_000).map((input) => ({ input })),
        );
      }
    },
    work,
    done,
    close: async () => {
      await waybill.close();
      await close();
    },
  };

  async function work(
    { concurrency, ahead, alert }: WorkMode,
    tell: (count: number) => void,
  ): Promise<Working> {
    recorded = tell;
    const settings = { concurrency, prefetch: ahead, ...(alert ? {} : { pollIntervalMs: 5 }) };
    const worker = waybill.worker([bench.handle({ run: ({ input }) => handle(input) })], settings);
    const running = worker.run();
    return {
      stop: async () => {
        await worker.stop();
        await running;
      },
    };
  }
}

/** A message is acknowledged when the outcome of its job is stored, and not before. */
function heard(queue: Queue, acknowledged: () => void): Queue {
  return {
    capabilities: queue.capabilities,
    send: (messages) => queue.send(messages),
    receive: async (request) =>
      (await queue.receive(request)).map((delivery) => ({
        ...delivery,
        ack: async () => {
          await delivery.ack();
          acknowledged();
        },
      })),
    close: () => queue.close(),
  };
}
