// What an application closes, in whatever order, with a job running and a watch open: nothing hangs, nothing ends the process.
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createWaybill,
  defineJob,
  memoryFeed,
  memoryNotifier,
  memoryQueue,
  memoryStore,
} from "../../src/index.js";
import type { Clock } from "../../src/core/environment/clock.js";
import type { Feed } from "../../src/core/ports/feed.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase } from "./sqlite-driver.js";

const work = defineJob({ kind: "work.do", input: z.object({}), output: z.null() });

let unheard: unknown[] = [];
const hear = (error: unknown): void => {
  unheard.push(error);
};
beforeEach(() => {
  unheard = [];
  process.on("unhandledRejection", hear).on("uncaughtException", hear);
});
afterEach(() => {
  process.off("unhandledRejection", hear).off("uncaughtException", hear);
});

/** Every order of some things. */
function ordersOf<T>(things: readonly T[]): readonly (readonly T[])[] {
  if (things.length < 2) return [things];
  return things.flatMap((first) =>
    ordersOf(things.filter((each) => each !== first)).map((rest) => [first, ...rest]),
  );
}

/** Begins a job that gives in to its signal, and a watch of it. @returns the watch's end */
async function begun(waybill: ReturnType<typeof waybillOf>, until: <T>(promise: Promise<T>) => Promise<T>) {
  let tell: () => void;
  const isRunning = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const handler = work.handle(
    ({ signal }) =>
      new Promise<null>((_, reject) => {
        tell();
        signal.addEventListener("abort", () => {
          reject(new Error("aborted"));
        });
      }),
  );
  const worker = waybill.worker([handler], { shutdownTimeoutMs: 200 });
  const running = worker.run();
  const { id } = await until(waybill.submit(work, {}).unwrap());
  await until(isRunning);
  const watching = (async () => {
    // Its Waybill closes, or what it reads from: either way it ends.
    for await (const _ of waybill.watch(work, id)) continue;
  })().catch(() => undefined);
  return { worker, over: Promise.all([running.catch(() => undefined), watching]) };
}

interface Parts {
  readonly store: AnyStore;
  readonly queue?: Queue;
  readonly feed?: Feed;
  readonly notifiers?: Readonly<Record<string, Notifier>>;
  readonly clock?: Clock;
}

function waybillOf(parts: Parts) {
  const { logger } = recordingLogger();
  return createWaybill({ jobs: [work], logger, policy: { unknownRetryMs: 300 }, ...parts });
}

describe("parts and Waybill closed in any order", () => {
  const PARTS = ["worker", "waybill", "store", "queue", "feed"] as const;
  it.each(ordersOf(PARTS).map((order) => [order.join(", ")]))("%s", async (order) => {
    const clock = fakeClock();
    const [store, queue, feed] = [memoryStore(), memoryQueue({ clock }), memoryFeed({ clock })];
    const notifiers = { ui: memoryNotifier() };
    const waybill = waybillOf({ store, queue, feed, notifiers, clock });
    const { worker, over } = await begun(waybill, (promise) => clock.runUntil(promise));
    const close: Readonly<Record<string, () => Promise<unknown>>> = {
      worker: () => worker.stop(),
      waybill: () => waybill.close(),
      store: () => store.close(),
      queue: () => queue.close(),
      feed: () => feed.close(),
    };
    const startedAt = clock.monotonic();
    for (const part of order.split(", ")) await clock.runUntil(close[part]!());
    await clock.runUntil(over);
    expect(clock.monotonic() - startedAt).toBeLessThan(10_000);
    expect(unheard).toEqual([]);
  });
});

interface Opened {
  readonly store: AnyStore;
  end(): unknown;
}

async function onPostgres(): Promise<Opened> {
  const server = await postgresServer();
  const pool = server.pool({ max: 3 });
  const store = postgresStore({ client: pool, schema: server.schema() });
  await store.migrate();
  return { store, end: () => pool.end() };
}

async function onRedis(): Promise<Opened> {
  const server = await redisServer();
  const client = server.client();
  const store = redisStore({ client, prefix: server.prefix(), onWarning: () => undefined });
  // The driver's own goodbye fails where the server hangs up on what the worker still sends behind it: its answer is lost then.
  return { store, end: () => client.quit().catch(() => undefined) };
}

async function onSqlite(): Promise<Opened> {
  const db = openDatabase(":memory:");
  return { store: sqliteStore({ db }), end: () => db.close() };
}

describe.each([
  ["Postgres", postgresMissing() !== null, onPostgres],
  ["Redis", redisMissing() !== null, onRedis],
  ["SQLite", false, onSqlite],
] as const)("a client of %s, its store, worker and Waybill", (name, isMissing, open) => {
  const all = ordersOf(["client", "store", "worker", "waybill"]);
  // This driver panics when a file is read after its end.
  const orders = name === "SQLite" ? all.filter((order) => order.at(-1) === "client") : all;
  it.skipIf(isMissing)(
    "are closed in any order",
    async () => {
      const ends = orders.map(async (order) => {
        const { store, end } = await open();
        const waybill = waybillOf({ store });
        const { worker, over } = await begun(waybill, (promise) => promise);
        const close: Readonly<Record<string, () => unknown>> = {
          client: end,
          store: () => store.close(),
          worker: () => worker.stop(),
          waybill: () => waybill.close(),
        };
        for (const part of order) await close[part]!();
        await over;
        return order.length;
      });
      expect(await Promise.all(ends)).toEqual(orders.map(() => 4));
      expect(unheard).toEqual([]);
    },
    120_000,
  );
});

it("a worker or relay is not begun while what runs is being ended: nobody would end it", async () => {
  const clock = fakeClock();
  const notifiers = { ui: memoryNotifier() };
  const waybill = waybillOf({ store: memoryStore(), notifiers, clock });
  const { over } = await begun(waybill, (promise) => clock.runUntil(promise));
  const closing = waybill.close();
  const none = work.handle(() => null);
  for (const begin of [() => waybill.worker([none]), () => waybill.relay()])
    expect(begin).toThrow(expect.objectContaining({ code: "waybill.closed" }));
  // A handler that ends may still submit what comes after it.
  expect((await clock.runUntil(waybill.submit(work, {}).unwrap())).status).toBe("QUEUED");
  await clock.runUntil(Promise.all([closing, over]));
  expect(clock.pending()).toBe(0);
});

it("a dozen workers and relays that end by one signal put one listener on it, and leave none", async () => {
  const clock = fakeClock();
  const waybill = waybillOf({ store: memoryStore(), notifiers: { ui: memoryNotifier() }, clock });
  const none = work.handle(() => null);
  const begin = () => [waybill.worker([none]), waybill.relay()];
  const { signal } = new AbortController();
  const runs = [0, 1, 2, 3, 4, 5].flatMap(begin).map((each) => each.run({ signal }));
  await clock.settle();
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await clock.runUntil(waybill.close());
  await Promise.all(runs);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
