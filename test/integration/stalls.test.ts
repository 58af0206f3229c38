// One connection goes silent, one statement waits: whoever needs neither goes on.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { BEAT } from "../../src/adapters/redis/scripts/changes.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import type { Telemetry } from "../../src/core/environment/telemetry.js";
import { createWaybill, defineJob, isWaybillError } from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "./redis-server.js";

const LEASE_MS = 9_000;
const work = defineJob({ kind: "work.do", input: z.object({ n: z.number() }), leaseMs: LEASE_MS });

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Bench {
  readonly proxy: TcpProxy;
  readonly store: AnyStore;
  /** What a beat is told by on its way. */
  readonly beat: string;
  /** What a write is told by. */
  readonly write: (id: string) => string;
}

async function onPostgres(): Promise<Bench> {
  const server = await postgresServer();
  const proxy = await TcpProxy.to(server.port);
  closers.push(() => proxy.close());
  const schema = server.schema();
  await postgresStore({ client: server.pool({ max: 1 }), schema }).migrate();
  const client = server.pool({ port: proxy.port, max: 6 });
  const store = postgresStore({ client, schema });
  return { proxy, store, beat: "beaten", write: (id) => id };
}

async function onRedis(): Promise<Bench> {
  const server = await redisServer();
  const proxy = await TcpProxy.to(server.port);
  closers.push(() => proxy.close());
  const client = server.client({ port: proxy.port });
  const store = redisStore({ client, prefix: server.prefix(), onWarning: () => undefined });
  return { proxy, store, beat: BEAT.sha, write: (id) => id };
}

/** Beats that were answered, and who waits for them. */
function beatCounter() {
  let answered = 0;
  const waiting: { readonly from: number; readonly resolve: () => void }[] = [];
  const telemetry: Telemetry = {
    start: ({ operation }) =>
      operation !== "beat"
        ? undefined
        : ({ error }) => {
            if (error !== undefined) return;
            answered += 1;
            for (const { from, resolve } of waiting) if (answered >= from) resolve();
          },
  };
  const more = (count: number): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ from: answered + count, resolve });
    });
  return { telemetry, more };
}

const ENGINES = [
  ["Postgres", postgresMissing() !== null, onPostgres],
  ["Redis", redisMissing() !== null, onRedis],
] as const;

describe.each(ENGINES)("a connection to %s that goes silent", (name, isMissing, open) => {
  it.skipIf(isMissing)("during a beat costs no job its lease", async () => {
    const { proxy, store, beat } = await open();
    const { telemetry, more } = beatCounter();
    const waybill = createWaybill({ jobs: [work], store, telemetry, logger: recordingLogger().logger });
    let runs = 0;
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const handler = work.handle(async ({ signal }) => {
      runs += 1;
      await released;
      if (signal.aborted) throw new Error("the lease was lost");
      return null;
    });
    const worker = waybill.worker([handler], { reconcile: false });
    const jobs = await Promise.all([1, 2, 3].map((n) => waybill.submit(work, { n }).unwrap()));
    const running = worker.run();
    await more(1);
    await proxy.silence(beat);
    // More than a lease: without an answer in time it would be lost.
    await more(4);
    release();
    for (const { id } of jobs) await waybill.result(work, id, { timeoutMs: 20_000 });
    const ended = await Promise.all(jobs.map(({ id }) => waybill.get(work, id)));
    expect(ended.map((job) => [job?.status, job?.attempt])).toEqual(jobs.map(() => ["COMPLETED", 1]));
    expect(runs).toBe(3);
    await waybill.close();
    await running;
  });

  it.skipIf(isMissing)(
    "during a submit holds up none of those after it",
    async () => {
      const { proxy, store, write } = await open();
      const waybill = createWaybill({ jobs: [work], store, logger: recordingLogger().logger });
      await waybill.submit(work, { n: 0 }).unwrap();
      const silent = proxy.silence(write("first-one"));
      const first = waybill.submit(work, { n: 1 }, { id: "first-one" });
      await silent;
      let isFirstDone = false;
      void Promise.resolve(first).finally(() => {
        isFirstDone = true;
      });
      for (let n = 0; n < 5; n += 1) await waybill.submit(work, { n }).unwrap();
      // On the one connection to Redis all of them wait until the store has taken another.
      if (name === "Postgres") expect(isFirstDone).toBe(false);
      // Asked again on another connection, it is stored once.
      expect(await first).toMatchObject({ ok: true, value: { id: "first-one" } });
      const { items } = await waybill.list({ kind: "work.do" });
      expect(items).toHaveLength(7);
      await waybill.close();
    },
    60_000,
  );
});

describe.skipIf(postgresMissing() !== null)("a submit that waits for somebody's transaction", () => {
  it("waits alone: other submits, those of the transaction's owner too, go on", async () => {
    const server = await postgresServer();
    const pool = server.pool({ max: 4 });
    const schema = server.schema();
    const own = postgresStore({ client: pool, schema });
    await own.migrate();
    const waybill = createWaybill({ jobs: [work], store: own, logger: recordingLogger().logger });
    const owner = server.pool({ max: 1 });
    const tx = await owner.connect();
    await tx.query("begin");
    const key = { idempotencyKey: "k" };
    const held = await waybill.submit(work, { n: 1 }, { tx, ...key }).unwrap();
    let settled = 0;
    const waiting = [1, 2, 3, 4, 5, 6].map(async () => {
      const result = await waybill.submit(work, { n: 1 }, key);
      settled += 1;
      return result;
    });
    const others = await Promise.all([
      waybill.submit(work, { n: 2 }).unwrap(),
      waybill.submit(work, { n: 3 }, { idempotencyKey: "another" }).unwrap(),
      waybill.submit(work, { n: 4 }, { id: "by-id" }).unwrap(),
      waybill.submit(work, { n: 5 }, { tx }).unwrap(),
    ]);
    expect(others).toHaveLength(4);
    expect(settled).toBe(0);
    await tx.query("commit");
    tx.release();
    const results = await Promise.all(waiting);
    expect(results.map((one) => (one.ok ? one.value.id : one.error.code))).toEqual(
      results.map(() => held.id),
    );
    await waybill.close();
  });

  it("is told in the end, and has stored nothing, when the transaction stays open", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const own = postgresStore({ client: server.pool({ max: 4 }), schema });
    await own.migrate();
    const waybill = createWaybill({
      jobs: [work],
      store: own,
      logger: recordingLogger().logger,
      policy: { unknownRetryMs: 1_000 },
    });
    const tx = await server.pool({ max: 1 }).connect();
    await tx.query("begin");
    await waybill.submit(work, { n: 1 }, { tx, idempotencyKey: "k" }).unwrap();
    const error: unknown = await waybill
      .submit(work, { n: 1 }, { idempotencyKey: "k" })
      .then(() => null)
      .catch((thrown: unknown) => thrown);
    expect(isWaybillError(error) && [error.code, error.outcome]).toEqual([
      "idempotency.pending",
      "not_applied",
    ]);
    await tx.query("rollback");
    tx.release();
    expect((await waybill.list({ kind: "work.do" })).items).toEqual([]);
    await waybill.close();
  });

  it("on the way holds up no outcome of another job", async () => {
    const { proxy, store } = await onPostgres();
    const waybill = createWaybill({ jobs: [work], store, logger: recordingLogger().logger });
    const slow = await waybill.submit(work, { n: 1 }, { delayMs: 3_600_000 }).unwrap();
    const holding = proxy.hold(slow.id);
    const cancelling = waybill.cancel(slow.id).unwrap();
    // The read that comes before the write goes through.
    (await holding)();
    const letGo = await proxy.hold(slow.id);
    const worker = waybill.worker([work.handle(() => null)], { reconcile: false });
    const running = worker.run();
    const quick = await waybill.submit(work, { n: 2 }).unwrap();
    await waybill.result(work, quick.id, { timeoutMs: 20_000 });
    letGo();
    expect(await cancelling).toMatchObject({ status: "FAILED" });
    await waybill.close();
    await running;
  });
});
