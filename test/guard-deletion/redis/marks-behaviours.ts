import assert from "node:assert/strict";
import { sampleJob, sampleReadyJob } from "../../../src/testing/sample-jobs.js";
import { sampleNext, StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { Keys, RedisTest } from "./place.js";

async function markOf(keys: Keys): Promise<readonly [value: string | null, leftMs: number]> {
  const [key = "none", ...others] = await keys.redis.keys(keys.of("a:*"));
  assert.deepEqual(others, []);
  return [await keys.redis.get(key), await keys.redis.pttl(key)];
}

/** How often the server was given a command so far, by a script or by somebody else. */
async function callsOf(keys: Keys, command: "exists" | "publish" | "pubsub"): Promise<number> {
  const stats = await keys.redis.info("commandstats");
  return Number(new RegExp(`cmdstat_${command}(?:\\|numsub)?:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** The numbers of calls by which losses are found out, and what a cluster is asked first. */
export const MARKS: Readonly<Record<string, RedisTest>> = {
  "tells of writes that the server has lost, and of nothing else": async (_, keys, place) => {
    const store = place.open();
    const losses: number[] = [];
    store.onLostWrites(({ calls }) => losses.push(calls));
    const probe = new StoreProbe({ store, close: () => store.close() });
    const now = await probe.now();
    assert.deepEqual(await markOf(keys), [null, -2]);
    await probe.given(sampleJob({ id: "job-1" }, now));
    const [first] = await markOf(keys);
    for (let reads = 0; reads < 3; reads += 1) await probe.find("job-1");
    assert.deepEqual((await markOf(keys))[0], first);
    await probe.given(sampleJob({ id: "job-2" }, now));
    const [second, leftMs] = await markOf(keys);
    assert.equal(Number(second), Number(first) + 4);
    assert.ok(leftMs > 0);
    assert.deepEqual(losses, []);
    assert.ok(!(await keys.names()).includes("lost"));

    await keys.redis.del(...(await keys.redis.keys(keys.of("a:*"))));
    await probe.find("job-1");
    assert.deepEqual(losses, [Number(second)]);
    const { lostWrites } = await store.health(probe.at);
    assert.equal(lostWrites?.calls, Number(second));
    assert.ok(lostWrites.lastSeenAt >= now);
  },

  "keeps the number of a call that overtook another one": async (probe, keys) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1" }, now));
    const [key = ""] = await keys.redis.keys(keys.of("a:*"));
    await keys.redis.set(key, "100");
    await probe.given(sampleJob({ id: "job-2" }, now));
    assert.equal(await keys.redis.get(key), "100");
  },

  "takes nothing by a call that has come before": async (probe, keys) => {
    await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
    const [key = ""] = await keys.redis.keys(keys.of("a:*"));
    // The number that the next call will have.
    await keys.redis.incr(key);
    assert.deepEqual(await probe.claimNext(), []);
    assert.equal((await probe.claimNext()).length, 1);
  },

  "asks a cluster whether it has the slot, and one server nothing": async (probe, keys, place) => {
    const cluster = probe.through(place.open({}, place.scripts.client(true)));
    for (const [one, asked] of [
      [probe, 0],
      [cluster, 1],
    ] as const) {
      await one.now();
      const before = await callsOf(keys, "exists");
      await one.now();
      assert.equal((await callsOf(keys, "exists")) - before, asked);
    }
  },

  "asks one server who listens, and tells a cluster without asking": async (probe, keys, place) => {
    const cluster = probe.through(place.open({}, place.scripts.client(true)));
    const counted = async () => [await callsOf(keys, "pubsub"), await callsOf(keys, "publish")] as const;
    for (const [one, id, expected] of [
      [probe, "job-1", [1, 0]],
      [cluster, "job-2", [0, 1]],
    ] as const) {
      const now = await one.now();
      const [asked, told] = await counted();
      await one.given(sampleJob({ id }, now));
      const [askedThen, toldThen] = await counted();
      assert.deepEqual([askedThen - asked, toldThen - told], expected);
    }
  },

  "tells who listens, and nobody where it is to tell nobody": async (probe, keys, place) => {
    const listener = keys.redis.duplicate();
    try {
      await listener.subscribe(`waybill:${place.prefix}`);
      const silent = probe.through(place.open({ listen: false }));
      for (const [one, id, expected] of [
        [probe, "job-1", 1],
        [silent, "job-2", 0],
      ] as const) {
        const told = await callsOf(keys, "publish");
        await one.given(sampleJob({ id }, await one.now()));
        assert.equal((await callsOf(keys, "publish")) - told, expected);
      }
    } finally {
      listener.disconnect();
    }
  },

  "leaves its mark where replicas are waited for, whatever it wrote": async (probe, keys, place) => {
    const waiting = place.open({ wait: { replicas: 1, timeoutMs: 1 } });
    await assert.rejects(waiting.claim({ ...probe.at, next: sampleNext() }), { outcome: "unknown" });
    const [value] = await markOf(keys);
    assert.notEqual(value, null);
  },
};
