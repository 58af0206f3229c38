import assert from "node:assert/strict";
import { sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { sampleNext } from "../../../src/testing/store-suite/store-probe.js";
import type { RedisTest } from "./place.js";

const CORRUPT = { code: "store.corrupt" };

/** What is not as the store writes it: told where it is met, out of the way of the rest, and changed by nothing. */
export const DAMAGE: Readonly<Record<string, RedisTest>> = {
  "changes nothing of a job whose document cannot be read": async (probe, keys) => {
    const now = await probe.now();
    const { record } = await probe.processing({ id: "job-1", purgeAt: now - 1, wakeAt: now - 1 });
    await probe.given(sampleQueuedJob({ id: "queued" }, now));
    const damaged = await Promise.all(["job-1", "queued"].map((id) => keys.damage(id)));
    const { status, version, token } = record;
    const planned = { plannedOn: { status, version, token }, wakeAt: null, purgeAt: null, cursors: {} };
    const items = [{ id: "job-1", latestWakeAt: now, ...planned }];
    await assert.rejects(probe.find("job-1"), CORRUPT);
    await assert.rejects(probe.find("job-1", { input: true, output: true }), CORRUPT);
    const { unreadable = [] } = await probe.store.list({ ...probe.at, limit: 10 });
    assert.deepEqual([...unreadable].sort(), ["job-1", "queued"]);
    await assert.rejects(probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }), CORRUPT);
    await assert.rejects(probe.write(sampleWrite(record, { edges: ["phase"] })), CORRUPT);
    for (const id of ["job-1", "queued"]) await assert.rejects(probe.claim({ id }), CORRUPT);
    await assert.rejects(probe.store.advance({ ...probe.at, items }), CORRUPT);
    assert.equal((await probe.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 0);
    const left = ["job-1", "queued"].map((id) => keys.redis.get(keys.of(`j:${id}`)));
    assert.deepEqual(await Promise.all(left), damaged);
  },

  "takes a due job that cannot be read out of the way of the others, as it is": async (probe, keys) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", wakeAt: now - 1 }, now));
    const damaged = await keys.damage("job-1");
    const { jobs, unreadable } = await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 });
    assert.deepEqual([jobs, unreadable], [[], ["job-1"]]);
    assert.deepEqual(await probe.takeDue(), []);
    assert.equal(await keys.redis.get(keys.of("j:job-1")), damaged);
  },

  "takes a ready job that cannot be read out of the way of the others, as it is": async (probe, keys) => {
    await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
    const damaged = await keys.damage("job-1");
    const claim = () => probe.store.claim({ ...probe.at, next: sampleNext() });
    const first = await claim();
    assert.deepEqual([first.jobs, first.unreadable], [[], ["job-1"]]);
    const second = await claim();
    assert.deepEqual([second.jobs, second.unreadable ?? []], [[], []]);
    assert.equal(await keys.redis.get(keys.of("j:job-1")), damaged);
  },

  "passes by what an index names and is not there": async (probe, keys) => {
    await probe.now();
    for (const name of ["w", "p", "r1:sample.work", "k:sample.work", "f:sample.work\tref"])
      await keys.redis.zadd(keys.of(name), 1, "ghost");
    await keys.redis.sadd(keys.of("kinds"), "1:sample.work");
    assert.deepEqual((await probe.list()).jobs, []);
    const byRef = { ...probe.at, kind: "sample.work", refKey: "ref" };
    for (const asked of [byRef, { ...byRef, owner: "ann" }]) {
      assert.deepEqual((await probe.store.byRef(asked)).jobs, []);
    }
    assert.deepEqual(await probe.claimNext(), []);
    assert.deepEqual(await probe.takeDue(), []);
    assert.equal((await probe.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 0);
    assert.deepEqual(await keys.names(), ["f:sample.work\tref", "k:sample.work", "kinds", "meta"]);
  },

  "claims no job that only an index says to be ready": async (probe, keys) => {
    const now = await probe.now();
    await probe.given(sampleReadyJob({ id: "later", readyAt: now + 600_000 }, now));
    await keys.redis.zadd(keys.of("r1:sample.work"), now - 1, "later");
    assert.deepEqual(await probe.claimNext(), []);
    assert.equal((await probe.read("later")).record.status, "QUEUED");
  },

  "creates one job of an id that is given twice in a call": async (probe) => {
    const record = sampleJob({ id: "job-1" }, await probe.now());
    const answers = await probe.create({ record, input: "first" }, { record, input: "second" });
    assert.deepEqual(
      answers.map(({ status }) => status),
      ["created", "existing"],
    );
    assert.equal((await probe.read("job-1", { input: true })).input, "first");
  },

  "lists a job once whose kind is there in two formats": async (probe) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", createdAt: now - 1 }, now));
    await probe.given(sampleJob({ id: "job-2", recordVersion: 99 }, now));
    assert.deepEqual(
      (await probe.list()).jobs.map(({ record }) => record.id),
      ["job-2", "job-1"],
    );
  },

  "answers a page of no jobs": async (probe) => {
    await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
    const { jobs, next } = await probe.list({ limit: 0 });
    assert.deepEqual({ jobs, next }, { jobs: [], next: null });
  },
};
