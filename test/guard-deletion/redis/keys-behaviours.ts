import assert from "node:assert/strict";
import { type Awaiting, START } from "../../../src/core/job/record.js";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { accepted, claimed, type StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { RedisTest } from "./place.js";

const HOUR_MS = 3_600_000;
/** No document holds it. */
const LONG = "x".repeat(1_000);
/** More arguments than Lua puts on its stack at once. */
const MANY = 4_100;
const MOST_AT_ONCE = 2_000;

const EXHAUSTED = { ...START, upTo: 1, attempts: 1, exhausted: [1] };

function awaitingOf(refKeys: readonly string[], now: number): Awaiting {
  return {
    ref: null,
    refKeys,
    since: now,
    deadlineAt: now + HOUR_MS,
    nextPollAt: now + HOUR_MS,
    fence: 1,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
}

const purged = (probe: StoreProbe, limit = 10, parkedBefore = 0) =>
  probe.store.purge({ ...probe.at, limit, parkedBefore });

/** Which keys there are: what nobody reads must not be there, and what is over must be gone. */
export const KEYS: Readonly<Record<string, RedisTest>> = {
  "keeps a key for what a job has, and none for what it has not": async (probe, keys) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "bare", owner: null, wakeAt: null }, now));
    assert.deepEqual(await keys.names(), ["e:sample.work", "j:bare", "k:sample.work", "kinds", "meta"]);
  },

  "keeps what is open by its status, and what FAILED, and not what is COMPLETED": async (probe, keys) => {
    const byStatus = async () => (await keys.names()).filter((name) => /^[ez]:/.test(name));
    for (const [edge, left] of [
      ["T5", []],
      ["T6", ["z:sample.work"]],
    ] as const) {
      const { record } = await probe.processing({ id: `ends-by-${edge}` });
      assert.deepEqual(await byStatus(), ["e:sample.work"]);
      accepted(await probe.write(sampleWrite(record, { edges: [edge], patch: SAMPLE_END })));
      assert.deepEqual(await byStatus(), left);
    }
  },

  "keeps what is short in the document, and what is long or would break its lines beside it": async (
    probe,
    keys,
  ) => {
    const now = await probe.now();
    const inputs = { "a-long": LONG, "b-tab": "a\tb", "c-lines": "a\nb", "d-short": "{}", "e-none": "" };
    const ids = Object.keys(inputs);
    await probe.create(
      ...Object.entries(inputs).map(([id, input]) => ({ record: sampleReadyJob({ id }, now), input })),
    );
    const stored = async (letter: string) =>
      (await keys.names()).filter((name) => name.startsWith(`${letter}:`));
    assert.deepEqual(await stored("i"), ["i:a-long", "i:b-tab", "i:c-lines"]);
    const asked = async () => (await probe.store.read({ ...probe.at, ids, input: true, output: true })).jobs;
    assert.deepEqual(
      (await asked()).map((job) => job?.input),
      Object.values(inputs),
    );
    const { jobs: listed } = await probe.list({ input: true });
    assert.deepEqual(listed.map((job) => job.input).reverse(), Object.values(inputs));
    const jobs = await probe.claimNext({ limit: ids.length });
    assert.deepEqual(
      jobs.map((job) => job.input),
      Object.values(inputs),
    );
    // The same call once more: they are held.
    assert.deepEqual(
      (await probe.claimNext({ limit: ids.length })).map((job) => job.input),
      Object.values(inputs),
    );
    for (const { record } of jobs) {
      const output = inputs[record.id as keyof typeof inputs];
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output })));
    }
    assert.deepEqual(await stored("o"), ["o:a-long", "o:b-tab", "o:c-lines"]);
    assert.deepEqual(
      (await asked()).map((job) => job?.output),
      [LONG, "a\tb", "a\nb", "{}", null],
    );
  },

  "answers the output that was written last, wherever it was kept": async (probe) => {
    let { record } = await probe.processing({ id: "job-1" });
    for (const output of ["1", LONG, "2", "3", LONG, `${LONG}x`]) {
      for (const patch of [{ phase: "on" }, { phase: null }]) {
        accepted(await probe.write({ ...sampleWrite(record, { edges: ["phase"], patch }), output }));
        const read = await probe.read("job-1", { output: true });
        assert.equal(read.output, output);
        assert.equal(read.record.phase, patch.phase);
        ({ record } = read);
      }
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"], patch: {} })));
      const kept = await probe.read("job-1", { output: true });
      assert.equal(kept.output, output);
      ({ record } = kept);
    }
  },

  "keeps nothing of a job that was purged": async (probe, keys) => {
    const now = await probe.now();
    const names = { owner: "ann", subject: "plan", scope: "scope" };
    const instants = { wakeAt: now + HOUR_MS, purgeAt: now - 1 };
    const awaiting = awaitingOf(["ref"], now);
    await probe.given(sampleReadyJob({ id: "full", ...names, ...instants, awaiting }, now));
    await probe.advance({ id: "full", ...instants, cursors: { ui: EXHAUSTED } });
    await probe.given(sampleJob({ id: "bare", owner: null, wakeAt: null, purgeAt: now - 1 }, now));
    await probe.given(sampleJob({ id: "long", owner: null, wakeAt: null, purgeAt: now - 1 }, now), LONG);
    assert.deepEqual(await keys.names(), [
      ...["c:full", "e:sample.work", "f:sample.work\tref", "i:long", "j:bare", "j:full", "j:long"],
      ...["k:sample.work", "kinds", "meta", "n:ann", "p", "r1:sample.work", "s:plan", "u", "w", "x:scope"],
    ]);
    assert.equal((await purged(probe)).jobs, 3);
    assert.deepEqual(await keys.names(), ["kinds", "meta"]);
  },

  "leaves the scope that another job has": async (probe, keys) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", scope: "scope", purgeAt: now - 1 }, now));
    await keys.redis.set(keys.of("x:scope"), "another");
    assert.equal((await purged(probe)).jobs, 1);
    assert.equal(await keys.redis.get(keys.of("x:scope")), "another");
  },

  "keeps nothing of a parked message that was purged, and takes it again": async (probe, keys) => {
    const now = await probe.now();
    const message = { id: "message", queue: "work", body: "{}", reason: "unreadable", at: now - 1 };
    const park = () => probe.store.park({ ...probe.at, messages: [message] });
    assert.deepEqual((await probe.store.parked({ ...probe.at, limit: 10 })).messages, []);
    await park();
    assert.equal((await purged(probe, 10, now)).parked, 1);
    assert.deepEqual(await keys.names(), ["meta"]);
    await park();
    assert.deepEqual((await probe.store.parked({ ...probe.at, limit: 10 })).messages, [message]);
  },

  "purges parked messages some thousands at a time": async (probe) => {
    const now = await probe.now();
    for (const part of ["a", "b", "c"]) {
      const messages = Array.from({ length: 2_700 }, (_, index) => ({
        ...{ id: `${part}-${String(index)}`, queue: "work", body: "", reason: "", at: now - 1 },
      }));
      await probe.store.park({ ...probe.at, messages });
    }
    const counts: number[] = [];
    for (let round = 0; round < 3; round += 1) counts.push((await purged(probe, 10, now)).parked);
    assert.deepEqual(counts, [4_000, 4_000, 100]);
  },

  "stores and removes some thousands in one call": async (probe) => {
    const now = await probe.now();
    const records = Array.from({ length: MANY }, (_, index) => {
      const id = `job-${String(index)}`;
      return sampleJob({ id, scope: id, history: "", purgeAt: index < MOST_AT_ONCE ? now - 1 : null }, now);
    });
    await probe.create(...records.map((record) => ({ record, input: "{}" })));
    const items = records.slice(0, MOST_AT_ONCE).map(({ id, version, status, token }) => ({
      ...{ id, plannedOn: { status, version, token }, wakeAt: null, purgeAt: now - 1, latestWakeAt: now },
      cursors: { ui: EXHAUSTED },
    }));
    await probe.store.advance({ ...probe.at, items });
    assert.equal((await purged(probe, MOST_AT_ONCE)).jobs, MOST_AT_ONCE);
    assert.equal((await probe.list({ limit: 1 })).jobs.length, 1);
  },

  "is ready no longer when its message was taken": async (probe) => {
    await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
    claimed(await probe.claim({ id: "job-1" }));
    assert.equal((await probe.health()).oldestReadyAt, null);
  },

  "remembers the jobs of a token for a lease, and of no other": async (probe, keys) => {
    await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
    assert.equal((await probe.claimNext()).length, 1);
    const left = await keys.redis.pttl(keys.of('t:"next-token"'));
    assert.ok(left > 0 && left <= 60_000, String(left));
  },

  "finds by its lease a job that had no wake-up when it was claimed": async (probe) => {
    await probe.given(sampleReadyJob({ id: "job-1", wakeAt: null }, await probe.now()));
    assert.equal((await probe.claimNext({ kinds: [{ kind: "sample.work", leaseMs: 50 }] })).length, 1);
    await probe.after(100);
    assert.deepEqual(
      (await probe.takeDue()).map(({ record }) => record.id),
      ["job-1"],
    );
  },

  "keeps the layout that it was opened with first": async (probe, keys, place) => {
    await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
    await assert.rejects(place.open({ shards: 4 }).read({ ...probe.at, ids: [] }), {
      code: "store.not_migrated",
    });
    assert.ok(await probe.through(place.open()).find("job-1"));
    await keys.redis.hset(keys.of("meta"), "layout", "99");
    await assert.rejects(place.open().read({ ...probe.at, ids: [] }), { code: "store.not_migrated" });
  },
};
