// The server carries a command out and its answer is lost, for each command of a life in turn. ioredis sends such a command
// again by itself, Waybill asks again where the driver does not: either way whoever made a change knows it for its own.
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import { dynamodbStore } from "../../src/dynamodb.js";
import {
  createWaybill,
  defineJob,
  isWaybillError,
  memoryQueue,
  memoryStore,
  StoreUnavailableError,
} from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { interceptStore, type StoreMethod } from "../../src/testing/faults/intercept-store.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { dynamoDb, ENGINE } from "./dynamodb-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase } from "./sqlite-driver.js";

const work = defineJob({
  kind: "work.do",
  input: z.object({ n: z.number() }),
  output: z.object({ done: z.boolean() }),
  phases: ["begun", "halfway"],
});
const order = defineJob({
  kind: "order.place",
  input: z.object({}),
  output: z.object({ placed: z.boolean() }),
  external: z.object({ ref: z.string() }),
  refKeys: ({ ref }) => [ref],
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What loses the answer to one command. */
interface Losing {
  dropNthReply(nth: number): void;
  readonly dropped: number;
}

interface Bench {
  readonly proxy: Losing;
  readonly store: AnyStore;
  readonly queue?: Queue;
}

async function onPostgres(): Promise<Bench> {
  const server = await postgresServer();
  const proxy = await TcpProxy.to(server.port);
  closers.push(() => proxy.close());
  const schema = server.schema();
  await postgresStore({ client: server.pool({ max: 1 }), schema }).migrate();
  const client = server.pool({ port: proxy.port, max: 1 });
  return { proxy, store: postgresStore({ client, schema }) };
}

async function onRedis(): Promise<Bench> {
  const server = await redisServer();
  const proxy = await TcpProxy.to(server.port);
  closers.push(() => proxy.close());
  const client = server.client({ port: proxy.port, retryStrategy: () => 1 });
  return { proxy, store: redisStore({ client, prefix: server.prefix(), onWarning: () => undefined }) };
}

/** What a lost answer leaves no doubt about. */
const READS = new Set<StoreMethod>(["read", "list", "byRef", "parked", "health"]);

/** The same where no wire is between: a call is carried out, and its answer is lost behind it. */
function losing(inner: AnyStore, queue?: Queue): Bench {
  let left = 0;
  let dropped = 0;
  const store = interceptStore(inner, async (method, _items, call) => {
    const answer = await call();
    if (method === "ready") return answer;
    left -= 1;
    if (left !== 0) return answer;
    dropped += 1;
    const outcome = READS.has(method) ? "not_applied" : "unknown";
    throw new StoreUnavailableError("The answer was lost.", { outcome });
  });
  const proxy: Losing = {
    dropNthReply: (nth) => {
      left = nth;
    },
    get dropped() {
      return dropped;
    },
  };
  return { proxy, store, ...(queue === undefined ? {} : { queue }) };
}

async function onMemory(): Promise<Bench> {
  return losing(memoryStore());
}

async function onSqlite(): Promise<Bench> {
  const db = openDatabase(":memory:");
  closers.push(() => db.close());
  return losing(sqliteStore({ db }));
}

const table = dynamoDb();

async function onDynamoDb(): Promise<Bench> {
  const { client, table: made } = await table();
  return losing(dynamodbStore({ client: client(), table: await made(), clockSkewMs: 0 }), memoryQueue());
}

/** Asks again where it is said that nothing was written, as a caller may. */
async function certain<T>(call: () => PromiseLike<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isWaybillError(error) || error.outcome !== "not_applied") throw error;
    }
  }
}

/** Every command of a life, with the answer to one of them lost. @returns whether there were as many */
async function live({ proxy, store, queue }: Bench, nth: number): Promise<boolean> {
  const { logger } = recordingLogger();
  const waybill = createWaybill({
    jobs: [work, order],
    store,
    logger,
    ...(queue === undefined ? {} : { queue }),
  });
  const heard: string[] = [];
  waybill.on("job.completed", ({ jobId }) => heard.push(jobId));
  const failed: string[] = [];
  waybill.on("job.failed", ({ jobId }) => failed.push(jobId));
  const worker = waybill.worker(
    [
      work.handle(async ({ phase, checkpoint }) => {
        phase("begun");
        await checkpoint({ at: 1 });
        phase("halfway", "half of it");
        await checkpoint({ at: 2 });
        return { done: true };
      }),
      order.handle({ run: ({ track }) => track({ ref: "r-1" }), poll: () => ({ state: "open" }) }),
    ],
    { reconcile: false },
  );
  await store.ready();
  proxy.dropNthReply(nth);

  const cancelled = await certain(() => waybill.submit(work, { n: 0 }, { id: "cancelled", delayMs: 60_000 }));
  expect(cancelled.ok).toBe(true);
  expect(await certain(() => waybill.cancel("cancelled"))).toMatchObject({
    ok: true,
    value: { status: "FAILED" },
  });
  const again = await certain(() => waybill.rerun(work, "cancelled", { idempotencyKey: "again" }));
  expect(again.ok).toBe(true);
  const keyed = await certain(() => waybill.submit(work, { n: 1 }, { idempotencyKey: "k" }));
  const tracked = await certain(() => waybill.submit(order, {}, { id: "tracked" }));
  expect([keyed.ok, tracked.ok]).toEqual([true, true]);
  void worker.run();
  const ids = [again, keyed].map((one) => (one.ok ? one.value.id : ""));
  for (const id of ids) await certain(() => waybill.result(work, id, { timeoutMs: 20_000 }));
  let tracking = await certain(() => waybill.history("tracked"));
  while (tracking?.events.at(-1)?.type !== "job.waiting") {
    tracking = await certain(() => waybill.history("tracked"));
  }
  const reported = await certain(async () => {
    try {
      return await waybill.report(order, { ref: "r-1" }, { state: "done", output: { placed: true } });
    } catch (error) {
      // That it is stored is said; the job as it is now could not be read.
      if (isWaybillError(error) && error.outcome === "applied") return { ok: true };
      throw error;
    }
  });
  expect(reported.ok).toBe(true);
  await worker.stop();
  const wasLost = proxy.dropped === 1;
  const edgesOf = async (id: string) =>
    (await certain(() => waybill.history(id)))?.events.map(({ type }) => type.replace("job.", "")).join(" ");
  expect(await edgesOf("cancelled")).toBe("created queued failed");
  for (const id of ids) expect(await edgesOf(id)).toBe("created queued started phase phase completed");
  expect(await edgesOf("tracked")).toBe("created queued started waiting completed");
  expect([...heard].sort()).toEqual([...ids, "tracked"].sort());
  expect(failed).toEqual(["cancelled"]);
  await waybill.close();
  return wasLost;
}

/** An emulator takes a second a life: every fourth answer is lost, with WAYBILL_EVERY_ANSWER each of them. */
const SOME = process.env["WAYBILL_EVERY_ANSWER"] === undefined ? 4 : 1;

const ENGINES = [
  ["memory", false, onMemory, 1],
  ["SQLite", false, onSqlite, 1],
  [`DynamoDB (${ENGINE})`, false, onDynamoDb, SOME],
  ["Postgres", postgresMissing() !== null, onPostgres, 1],
  ["Redis", redisMissing() !== null, onRedis, 1],
] as const;

/** More commands than a life has. */
const MOST = 60;

for (const [name, isMissing, open, step] of ENGINES) {
  it.skipIf(isMissing)(
    `whoever made a change on ${name} knows it for its own, whichever answer is lost`,
    async () => {
      let nth = 1;
      while (nth < MOST && (await live(await open(), nth))) nth += step;
      expect(nth).toBeGreaterThan(10);
      expect(nth).toBeLessThan(MOST);
    },
    120_000,
  );
}
