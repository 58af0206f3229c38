// The server carries a command out and its answer is lost, for each command of a life in turn. ioredis sends such a command
// again by itself, Waybill asks again where the driver does not: either way whoever made a change knows it for its own.
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, isWaybillError } from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "./redis-server.js";

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

interface Bench {
  readonly proxy: TcpProxy;
  readonly store: AnyStore;
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
async function live({ proxy, store }: Bench, nth: number): Promise<boolean> {
  const waybill = createWaybill({ jobs: [work, order], store, logger: recordingLogger().logger });
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

const ENGINES = [
  ["Postgres", postgresMissing() !== null, onPostgres],
  ["Redis", redisMissing() !== null, onRedis],
] as const;

/** More commands than a life has. */
const MOST = 60;

for (const [name, isMissing, open] of ENGINES) {
  it.skipIf(isMissing)(
    `whoever made a change on ${name} knows it for its own, whichever answer is lost`,
    async () => {
      let nth = 1;
      while (nth < MOST && (await live(await open(), nth))) nth += 1;
      expect(nth).toBeGreaterThan(10);
      expect(nth).toBeLessThan(MOST);
    },
    120_000,
  );
}
