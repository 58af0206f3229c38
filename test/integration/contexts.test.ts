import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { dynamodbStore } from "../../src/dynamodb.js";
import {
  createWaybill,
  defineJob,
  memoryFeed,
  memoryNotifier,
  memoryQueue,
  memoryStore,
} from "../../src/index.js";
import { inContext, systemClock } from "../../src/core/environment/clock.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Delivery, Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { neutralContext } from "../../src/core/environment/neutral-context.js";
import { createGateway } from "../../src/core/engine/store/gateway.js";
import { storeTime } from "../../src/core/engine/store/store-time.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { dynamoDb, ENGINE } from "./dynamodb-server.js";
import { ENGINES } from "./engines.js";

// Work of many callers travels together: none of them lends his context to another.

const tenant = new AsyncLocalStorage<string>();

const work = defineJob({
  kind: "work",
  input: z.object({ n: z.number() }),
  output: z.number(),
  phases: ["one", "two"],
});
const track = defineJob({
  kind: "track",
  input: z.object({ n: z.number() }),
  external: z.object({ n: z.number() }),
});

/** What was begun in somebody's context: what, and whose. */
function stranger() {
  const found: string[] = [];
  const look = (what: string): void => {
    const whose = tenant.getStore();
    if (whose !== undefined) found.push(`${what} in the context of ${whose}`);
  };
  return { found, look };
}

const table = dynamoDb();

async function onDynamoDb(): Promise<AnyStore> {
  const { client, table: made } = await table();
  return dynamodbStore({ client: client(), table: await made(), clockSkewMs: 0 });
}

/** A queue whose client makes something current, as instrumented ones do. */
function lookedAt(queue: Queue, look: (what: string) => void): Queue {
  const looking = <R>(what: string, call: () => R): R => {
    look(what);
    tenant.enterWith(`the client of ${what}`);
    return call();
  };
  const settled = (delivery: Delivery): Delivery => ({
    body: delivery.body,
    receives: delivery.receives,
    sentAt: delivery.sentAt,
    ack: () => looking("ack", () => delivery.ack()),
    release: (afterMs) => looking("release", () => delivery.release(afterMs)),
    extend: (ms) => looking("extend", () => delivery.extend(ms)),
  });
  return {
    capabilities: queue.capabilities,
    send: (messages) => looking("send", () => queue.send(messages)),
    receive: (request) =>
      looking("receive", async () => (await queue.receive(request)).map((delivery) => settled(delivery))),
    close: () => queue.close(),
  };
}

const WORLDS = [
  ...ENGINES.map((engine) => ({ ...engine, jobs: 200, isQueued: false })),
  {
    name: "memory and a queue",
    isMissing: false,
    open: async () => memoryStore(),
    jobs: 200,
    isQueued: true,
  },
  { name: `DynamoDB (${ENGINE}) and a queue`, isMissing: false, open: onDynamoDb, jobs: 20, isQueued: true },
];

for (const { name, isMissing, open, jobs, isQueued } of WORLDS) {
  describe.skipIf(isMissing)(`${String(jobs)} jobs of as many tenants on ${name}`, () => {
    it("handlers, store calls, publishes, hooks and listeners begin in nobody's context", async () => {
      const { found, look } = stranger();
      const store = interceptStore(await open(), (method, _items, call) => {
        look(`store.${method}`);
        // A client may change the context, and must not change it for the next.
        tenant.enterWith("the store's client");
        return call();
      });
      const feed = memoryFeed();
      const publish = vi.spyOn(feed, "publish").mockImplementation(async () => {
        look("feed.publish");
      });
      const notifier = memoryNotifier();
      const waybill = createWaybill({
        jobs: [work, track],
        store,
        feed,
        ...(isQueued ? { queue: lookedAt(memoryQueue(), look) } : {}),
        notifiers: {
          ui: {
            publish: (
              events: Parameters<Notifier["publish"]>[0],
              means: Parameters<Notifier["publish"]>[1],
            ) => {
              look("notifier.publish");
              tenant.enterWith("the notifier's client");
              return notifier.publish(events, means);
            },
          },
        },
        onPublish: () => {
          look("onPublish");
        },
        telemetry: {
          start: ({ port }) => {
            if (port === "handler") look("telemetry");
            return undefined;
          },
        },
      });
      for (const type of ["job.started", "job.completed", "job.cancel_requested"] as const) {
        waybill.on(type, () => {
          look(type);
          tenant.enterWith("a listener");
        });
      }
      const handlers = [
        work.handle(({ input, phase, checkpoint }) => {
          look("handler");
          tenant.enterWith(`enterWith ${String(input.n)}`);
          return tenant.run(`tenant ${String(input.n)}`, async () => {
            phase("one");
            await checkpoint({ n: input.n });
            phase("two");
            expect(tenant.getStore()).toBe(`tenant ${String(input.n)}`);
            return input.n;
          });
        }),
        track.handle({
          run: ({ input, track: tracking }) => {
            tenant.enterWith("who launched");
            return tracking({ n: input.n });
          },
          poll: () => {
            look("poll");
            tenant.enterWith("who polled");
            return { state: "done" };
          },
          pollEveryMs: 100,
        }),
      ];
      const ids = await Promise.all(
        Array.from({ length: jobs }, (_, n) =>
          tenant.run(`submitter ${String(n)}`, async () => {
            const def = n % 20 === 0 ? track : work;
            const { id } = await waybill.submit(def, { n }, { owner: `owner-${String(n)}` }).unwrap();
            expect(tenant.getStore()).toBe(`submitter ${String(n)}`);
            return id;
          }),
        ),
      );
      const worker = waybill.worker(handlers, { concurrency: 20 });
      const running = worker.run();
      await Promise.all(
        ids.map((id, n) =>
          tenant.run(`watcher ${String(n)}`, () => waybill.result(n % 20 === 0 ? track : work, id)),
        ),
      );
      const { id: late } = await waybill.submit(work, { n: 1 }, { delayMs: 600_000 }).unwrap();
      await tenant.run("who cancels", () => waybill.cancel(late).unwrap());
      await waybill.flush();
      await worker.stop();
      await running;
      await waybill.close();
      expect(publish).toHaveBeenCalled();
      expect([...new Set(found)]).toEqual([]);
    });
  });
}

describe("the context of nobody", () => {
  it("is the one in which it was made, whoever runs something in it, and nothing that is run there changes it", () => {
    const neutral = tenant.run("maker", () => neutralContext());
    const seen = tenant.run("other", () => [
      neutral(() => {
        tenant.enterWith("careless");
        return tenant.getStore();
      }),
      neutral(() => tenant.getStore()),
      tenant.getStore(),
    ]);
    expect(seen).toEqual(["careless", "maker", "other"]);
  });

  it("is that of timers and of deferred work", async () => {
    const clock = inContext(systemClock, neutralContext());
    const seen = await tenant.run("other", () =>
      Promise.all([
        new Promise((resolve) => {
          clock.defer(() => {
            resolve(tenant.getStore());
          });
        }),
        new Promise((resolve) => {
          clock.timer(
            1,
            () => {
              resolve(tenant.getStore());
            },
            true,
          );
        }),
      ]),
    );
    expect(seen).toEqual([undefined, undefined]);
  });

  it("leaves a clock its two times", () => {
    const clock = { ...systemClock, now: () => 7, monotonic: () => 11 };
    const moved = inContext(clock, neutralContext());
    expect([moved.now(), moved.monotonic?.()]).toEqual([7, 11]);
  });

  it("needs no platform that has one: a browser simply runs", () => {
    vi.stubGlobal("process", undefined);
    try {
      const neutral = neutralContext();
      expect(neutral(() => 7)).toBe(7);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("a submit with the caller's transaction", () => {
  it("is the one store call that stays in the caller's context", async () => {
    const seen: (string | undefined)[] = [];
    const store = interceptStore(memoryStore(), (_method, _items, call) => {
      seen.push(tenant.getStore());
      return call();
    });
    const time = storeTime(systemClock, "caller");
    const gateway = createGateway({
      ...{ store, clock: systemClock, time, telemetry: {} },
      timeoutMs: 1_000,
      slowMs: 500,
    });
    const item = { record: sampleJob({ id: "job-1" }, 0), input: "{}", inputHash: null };
    await tenant.run("caller", async () => {
      // The memory store refuses transactions; what counts is where it was asked.
      await gateway.create(item, { tx: true }).catch(() => undefined);
      await gateway.create(item, undefined);
    });
    expect(seen).toEqual(["caller", undefined]);
  });
});
