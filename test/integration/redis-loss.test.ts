// What Redis keeps of what it acknowledged, by how it is configured, and what follows where it lost some.
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decodeHistory } from "../../src/core/job/history.js";
import { createWaybill, defineJob } from "../../src/index.js";
import { redisStore, type RedisLostWrites, type RedisStore } from "../../src/redis.js";
import { checkHistory } from "../../src/testing/check-history.js";
import { SAMPLE_END, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, type RedisServer, sleep, startRedis } from "./redis-server.js";

const TIMEOUT_MS = 120_000;

const sum = defineJob({
  kind: "sum.up",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  leaseMs: 2_000,
});

interface Heard {
  readonly store: RedisStore;
  readonly losses: RedisLostWrites[];
}

function storeOn(
  client: Redis,
  options: { readonly wait?: { replicas: number; timeoutMs: number } } = {},
): Heard {
  const losses: RedisLostWrites[] = [];
  const store = redisStore({ client, onWarning: () => undefined, ...options });
  store.onLostWrites((lost) => losses.push(lost));
  return { store, losses };
}

function reconnecting(server: RedisServer, port = server.port): Redis {
  return server.client({ port, retryStrategy: () => 10, maxRetriesPerRequest: 5 });
}

/** Creates and completes jobs until it is told to stop; what it was told of is what must be there. */
class Work {
  readonly created: string[] = [];
  readonly completed: string[] = [];
  #running = true;
  readonly #lanes: Promise<void>[];

  constructor(store: RedisStore, name: string, lanes = 4) {
    this.#lanes = Array.from({ length: lanes }, (_, lane) => this.#run(store, `${name}-${lane}`));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#lanes);
  }

  async until(completed: number): Promise<void> {
    while (this.completed.length < completed) await sleep(5);
  }

  async #run(store: RedisStore, name: string): Promise<void> {
    for (let turn = 0; this.#running; turn += 1) {
      const id = `${name}-${turn}`;
      try {
        await store.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id }, 0), input: "{}" }] });
        this.created.push(id);
        const kinds = [{ kind: "sample.work", leaseMs: 60_000 }];
        const next = { terms: sampleTerms(), token: `t-${id}`, kinds, limit: 1 };
        const { jobs } = await store.claim({ nowMs: 0, next });
        for (const { record } of jobs) {
          const item = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: `"${record.id}"` });
          const { results } = await store.write({ nowMs: 0, items: [item] });
          if (results[0]?.status === "ok") this.completed.push(record.id);
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "store.unavailable" });
        await sleep(10);
      }
    }
  }
}

/** The jobs that were acknowledged and are not there as they were. */
async function missing(store: RedisStore, { created, completed }: Work): Promise<readonly string[]> {
  const done = new Set(completed);
  const { jobs } = await store.read({ nowMs: 0, ids: created, output: true });
  return created.filter((id, index) => {
    const job = jobs[index];
    if (job === null || job === undefined) return true;
    return done.has(id) && (job.record.status !== "COMPLETED" || job.output !== `"${id}"`);
  });
}

/** Runs all that is left, and looks at the history of every job that there is. */
async function drains(client: Redis, settled: number): Promise<void> {
  const waybill = createWaybill({ jobs: [sum], store: storeOn(client).store });
  const worker = waybill.worker([sum.handle(({ input }) => ({ n: input.n }))], { pollIntervalMs: 20 });
  const running = worker.run();
  const { store } = storeOn(client);
  const giveUpAt = Date.now() + 30_000;
  for (;;) {
    const { jobs } = await store.list({ nowMs: 0, kinds: [sum.kind], limit: 1_000 });
    if (jobs.every(({ record }) => record.status === "COMPLETED")) {
      expect(jobs.length).toBeGreaterThanOrEqual(settled);
      for (const { record } of jobs) expect(checkHistory(decodeHistory(record.history))).toEqual([]);
      break;
    }
    if (Date.now() > giveUpAt) throw new Error("jobs are stuck");
    await sleep(50);
  }
  await worker.stop();
  await running;
  await waybill.close();
}

describe.skipIf(redisMissing() !== null)("a Redis that syncs every write", () => {
  it("loses nothing that was acknowledged when it is killed", { timeout: TIMEOUT_MS }, async () => {
    const server = await startRedis({ settings: { appendonly: "yes", appendfsync: "always" } });
    try {
      const { store, losses } = storeOn(reconnecting(server));
      for (let round = 0; round < 3; round += 1) {
        const work = new Work(store, `round-${round}`);
        await work.until(20);
        await server.kill();
        await sleep(50);
        const stopping = work.stop();
        await server.start();
        await stopping;
        expect(await missing(store, work)).toEqual([]);
      }
      expect(losses, "a restart without a loss is none").toEqual([]);
      expect(await store.health({ nowMs: 0 })).not.toHaveProperty("lostWrites");
    } finally {
      await server.stop();
    }
  });
});

/** The part of the append-only file that commands are added to. */
function logOf(server: RedisServer): string {
  const folder = join(server.folder, "appendonlydir");
  const name = readdirSync(folder).find((file) => file.endsWith(".incr.aof"));
  if (name === undefined) throw new Error("no append-only file");
  return join(folder, name);
}

describe.skipIf(redisMissing() !== null)("a Redis that syncs every second", () => {
  it("loses the end at a power cut, says so, and goes on legally", { timeout: TIMEOUT_MS }, async () => {
    const server = await startRedis({ settings: { appendonly: "yes", appendfsync: "everysec" } });
    try {
      const client = reconnecting(server);
      const { store, losses } = storeOn(client);
      const said: string[] = [];
      const counted: string[] = [];
      const quiet = () => undefined;
      const waybill = createWaybill({
        jobs: [sum],
        store,
        logger: { debug: quiet, info: quiet, warn: quiet, error: (message) => said.push(message) },
        telemetry: { count: (counter) => counted.push(counter) },
      });
      const kept = await waybill.submit(sum, { n: 1 }).unwrap();
      const before = new Work(store, "before");
      await before.until(10);
      await before.stop();
      // While its disk is busy Redis holds commands back.
      while (!(await client.info("persistence")).includes("aof_buffer_length:0")) await sleep(10);
      // A power cut is emulated: what is behind this place had not reached the disk.
      const synced = statSync(logOf(server)).size;
      await drains(client, 1);
      const after = new Work(store, "after");
      await after.until(10);
      await after.stop();
      expect(losses).toEqual([]);
      await server.kill();
      truncateSync(logOf(server), synced);
      await server.start();
      expect(await missing(store, before), "what was synced is there").toEqual([]);
      expect((await missing(store, after)).length).toBe(after.created.length);
      expect((await store.read({ nowMs: 0, ids: [kept.id] })).jobs[0]?.record.status).toBe("QUEUED");
      expect(losses, "told once").toHaveLength(1);
      expect(losses[0]?.calls).toBeGreaterThanOrEqual(after.created.length);
      expect(said).toEqual([expect.stringContaining("lost writes that it had acknowledged")]);
      expect(counted).toEqual(["store_rollback_detected"]);
      expect((await waybill.health()).lostWrites?.calls).toBe(losses[0]?.calls);
      await drains(client, 1);
      const again = new Work(store, "again");
      await again.until(5);
      await again.stop();
      expect(losses, "and not again").toHaveLength(1);
      await waybill.close();
    } finally {
      await server.stop();
    }
  });
});

interface Pair {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** Between the two. */
  readonly replication: TcpProxy;
  /** Between the clients and the primary. */
  readonly front: TcpProxy;
  close(): Promise<void>;
}

async function pair(): Promise<Pair> {
  const settings = { "repl-diskless-sync": "yes", "repl-diskless-sync-delay": "0" };
  const primary = await startRedis({ settings });
  const replication = await TcpProxy.to(primary.port);
  const replica = await startRedis({ settings: { ...settings, replicaof: `127.0.0.1 ${replication.port}` } });
  const front = await TcpProxy.to(primary.port);
  const admin = replica.client();
  while (!(await admin.info("replication")).includes("master_link_status:up")) await sleep(20);
  return {
    primary,
    replica,
    replication,
    front,
    close: async () => {
      await front.close();
      await replication.close();
      await replica.stop();
      await primary.stop();
    },
  };
}

async function promote({ replica, front }: Pair): Promise<void> {
  await replica.client().replicaof("NO", "ONE");
  front.redirect(replica.port);
}

async function caughtUp({ primary, replica }: Pair): Promise<void> {
  const offset = async (server: RedisServer, field: RegExp): Promise<string> =>
    field.exec(await server.client().info("replication"))?.[1] ?? "";
  const wanted = await offset(primary, /master_repl_offset:(\d+)/);
  while (Number(await offset(replica, /slave_repl_offset:(\d+)/)) < Number(wanted)) await sleep(10);
}

describe.skipIf(redisMissing() !== null)("a failover", () => {
  it(
    "to a replica that lags loses what it lacks, says so, and goes on legally",
    { timeout: TIMEOUT_MS },
    async () => {
      const servers = await pair();
      try {
        const client = reconnecting(servers.primary, servers.front.port);
        const { store, losses } = storeOn(client);
        const other = storeOn(reconnecting(servers.primary, servers.front.port));
        const waybill = createWaybill({ jobs: [sum], store });
        const jobs = await Promise.all([1, 2, 3].map((n) => waybill.submit(sum, { n }).unwrap()));
        // One is being run when its completion is lost, by a worker that survives.
        const kinds = [{ kind: sum.kind, leaseMs: 2_000 }];
        const next = { terms: sampleTerms({ worker: "survivor" }), token: "survivor", kinds, limit: 1 };
        const [running] = (await store.claim({ nowMs: 0, next })).jobs;
        await caughtUp(servers);
        servers.replication.pause();
        const end = sampleWrite(running!.record, { edges: ["T5"], patch: SAMPLE_END, output: '{"n":9}' });
        expect((await store.write({ nowMs: 0, items: [end] })).results).toEqual([{ status: "ok" }]);
        const late = new Work(store, "late", 2);
        await late.until(5);
        await late.stop();
        await promote(servers);
        // Reading alone finds it out.
        const [again] = (await store.read({ nowMs: 0, ids: [running!.record.id] })).jobs;
        expect(again?.record).toMatchObject({ status: "PROCESSING", token: "survivor" });
        expect(losses).toHaveLength(1);
        expect(losses[0]?.calls).toBeGreaterThan(late.completed.length);
        await other.store.pulse({ nowMs: 0, unserved: 0 });
        expect(other.losses, "who was told nothing that is gone has lost nothing").toEqual([]);
        expect((await other.store.health({ nowMs: 0 })).lostWrites).toBeDefined();
        // Its own outcome is as good as before: the claim is still its own.
        expect((await store.write({ nowMs: 0, items: [end] })).results).toEqual([{ status: "ok" }]);
        await drains(client, jobs.length);
        expect(
          (await store.read({ nowMs: 0, ids: [running!.record.id], output: true })).jobs[0],
        ).toMatchObject({
          record: { status: "COMPLETED", fence: 1 },
          output: '{"n":9}',
        });
        await waybill.close();
      } finally {
        await servers.close();
      }
    },
  );

  it("to a replica that has everything is no loss", { timeout: TIMEOUT_MS }, async () => {
    const servers = await pair();
    try {
      const { store, losses } = storeOn(reconnecting(servers.primary, servers.front.port));
      const work = new Work(store, "work", 2);
      await work.until(5);
      await work.stop();
      await caughtUp(servers);
      await promote(servers);
      expect(await missing(store, work)).toEqual([]);
      const after = new Work(store, "after", 2);
      await after.until(5);
      await after.stop();
      expect(losses).toEqual([]);
    } finally {
      await servers.close();
    }
  });

  it(
    "is waited for by a store that asks for replicas, which says where there are too few",
    { timeout: TIMEOUT_MS },
    async () => {
      const servers = await pair();
      try {
        // Long enough for a replica that is there, on a machine that has other things to do.
        const wait = { replicas: 1, timeoutMs: 2_000 };
        const { store, losses } = storeOn(reconnecting(servers.primary, servers.front.port), { wait });
        const create = (id: string, on: RedisStore = store) =>
          on.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id }, 0), input: "{}" }] });
        await create("replicated");
        servers.replication.pause();
        await expect(create("alone")).rejects.toMatchObject({
          code: "store.unavailable",
          outcome: "unknown",
        });
        // Asked again it is there, on a connection that has written nothing, and in doubt all the same: no replica has it.
        const again = storeOn(reconnecting(servers.primary, servers.front.port), { wait });
        await expect(create("alone", again.store)).rejects.toMatchObject({ outcome: "unknown" });
        await promote(servers);
        const { jobs } = await store.read({ nowMs: 0, ids: ["replicated", "alone"] });
        expect(jobs.map((job) => job?.record.id)).toEqual(["replicated", undefined]);
        expect(losses, "nothing that was acknowledged is gone").toEqual([]);
      } finally {
        await servers.close();
      }
    },
  );
});
