// Failovers that Redis makes by itself: Sentinel, and a cluster.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decodeHistory } from "../../src/core/job/history.js";
import { createWaybill, defineJob } from "../../src/index.js";
import { redisStore, type RedisClient } from "../../src/redis.js";
import { checkHistory } from "../../src/testing/check-history.js";
import { redisClusterMissing, startCluster } from "./redis-cluster.js";
import { redisMissing, type RedisServer, sleep, startRedis } from "./redis-server.js";

const TIMEOUT_MS = 180_000;
const PATIENCE_MS = 60_000;

const sum = defineJob({
  kind: "sum.up",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  leaseMs: 3_000,
});

/**
 * Submits jobs and runs them while something happens to the servers, and looks at what came of them.
 *
 * @param isOver - what the servers themselves need to go on: nobody waits for the store before that
 */
async function survives(
  client: RedisClient,
  shards: number,
  happen: () => Promise<void>,
  isOver: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const store = redisStore({ client, shards, onWarning: () => undefined });
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const waybill = createWaybill({ jobs: [sum], store, logger });
  const worker = waybill.worker([sum.handle(({ input }) => ({ n: input.n }))], { pollIntervalMs: 50 });
  const running = worker.run();
  const acknowledged: string[] = [];
  let refusal: unknown = null;
  const submissions = new AbortController();
  const submitting = (async () => {
    for (let n = 0; !submissions.signal.aborted; n += 1) {
      const job = await waybill
        .submit(sum, { n })
        .unwrap()
        .catch((error: unknown) => {
          refusal = error;
          return null;
        });
      if (job !== null) acknowledged.push(job.id);
      await sleep(5);
    }
  })();
  while (acknowledged.length < 20) await sleep(5);
  await happen();
  const then = acknowledged.length;
  await isOver();
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (acknowledged.length < then + 20) {
    if (Date.now() > giveUpAt) throw new Error("nothing can be submitted any more", { cause: refusal });
    await sleep(10);
  }
  submissions.abort();
  await submitting;
  for (;;) {
    const { jobs } = await store.read({ nowMs: 0, ids: acknowledged });
    const open = jobs.filter((job) => job !== null && job.record.status !== "COMPLETED");
    if (open.length === 0) {
      // Replication is asynchronous: what is lost is what came last before the failover, not what came after it.
      expect(jobs.slice(then).filter((job) => job === null)).toEqual([]);
      expect(jobs.filter((job) => job === null).length).toBeLessThan(then);
      for (const job of jobs) {
        if (job !== null) expect(checkHistory(decodeHistory(job.record.history))).toEqual([]);
      }
      break;
    }
    if (Date.now() > giveUpAt) throw new Error(`${open.length} jobs are stuck`);
    await sleep(100);
  }
  await worker.stop();
  await running;
  await waybill.close();
}

/**
 * What is written from now on reaches the replica at once. One that has only just arrived is sent nothing for up to a second:
 * not before it has said once more that it is there.
 *
 * @param key - one that this server has the slot of
 */
async function replicates(primary: RedisServer, key: string): Promise<void> {
  const client = primary.client();
  await client.set(key, "");
  if ((await client.wait(1, PATIENCE_MS)) === 0) throw new Error("the replica follows its primary no more");
  await client.del(key);
}

describe.skipIf(redisMissing() !== null)("a store behind Sentinel", () => {
  it("goes on with the replica that is promoted", { timeout: TIMEOUT_MS }, async () => {
    const primary = await startRedis();
    const replica = await startRedis({ settings: { replicaof: `127.0.0.1 ${primary.port}` } });
    const folder = mkdtempSync(join(tmpdir(), "waybill-sentinel-"));
    const configuration = join(folder, "sentinel.conf");
    const lines = [
      `sentinel monitor jobs 127.0.0.1 ${primary.port} 1`,
      "sentinel down-after-milliseconds jobs 500",
      "sentinel failover-timeout jobs 2000",
    ];
    writeFileSync(configuration, `${lines.join("\n")}\n`);
    const sentinel = await startRedis({ sentinel: configuration });
    try {
      const admin = sentinel.client();
      const replicas = async (): Promise<readonly unknown[]> =>
        (await admin.call("SENTINEL", "REPLICAS", "jobs")) as readonly unknown[];
      while ((await replicas()).length === 0) await sleep(50);
      while (!(await replica.client().info("replication")).includes("master_link_status:up")) await sleep(20);
      await replicates(primary, "probe");
      const client = primary.own(
        new Redis({ sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "jobs" }),
      );
      await survives(client, 1, () => primary.kill());
      expect(await replica.client().info("replication")).toContain("role:master");
    } finally {
      await sentinel.stop();
      await replica.stop();
      await primary.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

/** The node that serves a key. */
async function primaryOf(client: Cluster, key: string): Promise<number> {
  const slot = await client.cluster("KEYSLOT", key);
  const slots = await client.cluster("SLOTS");
  const range = slots.find(([from, to]) => from <= slot && slot <= to);
  if (range === undefined) throw new Error("nobody serves the slot");
  const [, , primary] = range;
  if (primary === undefined) throw new Error("nobody serves the slot");
  return primary[1];
}

describe.skipIf(redisMissing() !== null || redisClusterMissing() !== null)("a store on a cluster", () => {
  it("goes on when a primary is killed", { timeout: TIMEOUT_MS }, async () => {
    const cluster = await startCluster();
    try {
      const client = cluster.client();
      const port = await primaryOf(client, "{waybill:3}");
      const primary = cluster.servers.find((server) => server.port === port)!;
      await replicates(primary, "probe{waybill:3}");
      await survives(
        client,
        8,
        () => primary.kill(),
        () => cluster.goesOnWithout(port),
      );
    } finally {
      await cluster.stop();
    }
  });
});
