// A slot that moves between the primaries of a cluster while its jobs are worked on.
import type { Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { redisStore } from "../../src/redis.js";
import { SAMPLE_END, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { redisClusterMissing, startCluster } from "./redis-cluster.js";
import { redisMissing, sleep } from "./redis-server.js";

const TIMEOUT_MS = 120_000;

async function idOf(node: Redis): Promise<string> {
  return node.cluster("MYID");
}

/** Who serves a slot, and one of the others. */
async function sidesOf(client: Cluster, slot: number): Promise<readonly [from: Redis, to: Redis]> {
  const nodes = client.nodes("master");
  const serves = async (node: Redis): Promise<boolean> => {
    const lines = String(await node.cluster("NODES")).split("\n");
    const [from = 0, to = from] = (
      / connected (\d+)-(\d+)/.exec(lines.find((line) => line.includes("myself"))!) ?? []
    )
      .slice(1)
      .map(Number);
    return from <= slot && slot <= to;
  };
  const served = await Promise.all(nodes.map(serves));
  return [nodes[served.indexOf(true)]!, nodes[served.indexOf(false)]!];
}

describe.skipIf(redisMissing() !== null || redisClusterMissing() !== null)(
  "a slot that is being moved",
  () => {
    it("is refused with nothing written, and goes on where it arrives", { timeout: TIMEOUT_MS }, async () => {
      const cluster = await startCluster();
      try {
        const client = cluster.client();
        const losses: unknown[] = [];
        const store = redisStore({ client, onWarning: () => undefined });
        store.onLostWrites((lost) => losses.push(lost));
        const create = (id: string) =>
          store.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id, owner: id }, 0), input: "{}" }] });
        for (const id of ["a", "b", "c"]) await create(id);
        const slot = await client.cluster("KEYSLOT", "{waybill:0}");
        const [from, to] = await sidesOf(client, slot);
        const [fromId, toId] = [await idOf(from), await idOf(to)];
        await to.cluster("SETSLOT", slot, "IMPORTING", fromId);
        await from.cluster("SETSLOT", slot, "MIGRATING", toId);
        const keys = await from.cluster("GETKEYSINSLOT", slot, 1_000);
        const move = async (some: readonly string[]): Promise<void> => {
          const { port = 0 } = to.options;
          await from.call("MIGRATE", "127.0.0.1", port, "", 0, 5_000, "KEYS", ...some);
        };
        // Before, amid and after the keys: what a script finds missing here is on the other side.
        for (const some of [[], keys.slice(0, 5), keys.slice(5)]) {
          if (some.length > 0) await move(some);
          for (const call of [
            () => create("d"),
            () => create("a"),
            () => store.read({ nowMs: 0, ids: ["a"] }),
            () =>
              store.claim({
                nowMs: 0,
                next: {
                  terms: sampleTerms(),
                  token: "t",
                  kinds: [{ kind: "sample.work", leaseMs: 9_000 }],
                  limit: 9,
                },
              }),
          ]) {
            await expect(call()).rejects.toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
          }
        }
        for (const node of [to, from]) await node.cluster("SETSLOT", slot, "NODE", toId);
        await sleep(50);
        const kinds = [{ kind: "sample.work", leaseMs: 9_000 }];
        const next = { terms: sampleTerms(), token: "t2", kinds, limit: 9 };
        const { jobs } = await store.claim({ nowMs: 0, next });
        expect(jobs.map(({ record }) => [record.id, record.attempt])).toEqual([
          ["a", 1],
          ["b", 1],
          ["c", 1],
        ]);
        const items = jobs.map(({ record }) =>
          sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" }),
        );
        const { results } = await store.write({ nowMs: 0, items });
        expect(results.map(({ status }) => status)).toEqual(["ok", "ok", "ok"]);
        expect((await store.list({ nowMs: 0, limit: 9 })).jobs).toHaveLength(3);
        expect(losses).toEqual([]);
      } finally {
        await cluster.stop();
      }
    });
  },
);
