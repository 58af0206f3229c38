import assert from "node:assert/strict";
import { shardOfEnd } from "../../../src/adapters/redis/names.js";
import type { StoredJob } from "../../../src/core/ports/store.js";
import { type Cursor, START } from "../../../src/core/job/record.js";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { accepted, NEVER } from "../../../src/testing/store-suite/store-probe.js";
import type { RedisTest } from "./place.js";

export const SHARDS = 4;

const idsOf = (jobs: readonly StoredJob[]): readonly string[] => jobs.map(({ record }) => record.id);

/** An id that begins so and lies in a shard. */
function idIn(shard: number, beginning: string): string {
  const ends = Array.from({ length: 90 }, (_, index) => String(index + 10));
  const end = ends.find((each) => shardOfEnd(each, SHARDS) === shard);
  if (end === undefined) throw new Error("no end of an id leads to this shard");
  return `${beginning}-${end}`;
}

const cursorOf = (given: Partial<Cursor>): Cursor => ({
  ...{ ...START, upTo: 1, attempts: 1 },
  ...given,
});

/** What comes behind a place, on one shard and on several. */
export const BEHIND: Readonly<Record<string, RedisTest>> = {
  "takes what is due behind a place among ties, and behind its instant": async (probe) => {
    const now = await probe.now();
    const at = now - 10;
    const ids = ["b", "c", "d", "e"].map((name, index) => idIn(index % SHARDS, name));
    for (const id of ids) await probe.given(sampleJob({ id, wakeAt: at }, now));
    const later = idIn(2, "a");
    await probe.given(sampleJob({ id: later, wakeAt: at + 1 }, now));
    const behind = { wakeAt: at, id: ids[0]! };
    assert.deepEqual(idsOf(await probe.takeDue({ limit: 2, after: behind })), ids.slice(1, 3));
    assert.deepEqual(idsOf(await probe.takeDue({ limit: 1, after: { wakeAt: at, id: ids[3]! } })), [later]);
  },
};

/** How several shards are looked at before something is taken. */
export const OVER_SHARDS: Readonly<Record<string, RedisTest>> = {
  "takes what can be claimed, whatever of a newer format is older": async (probe) => {
    const now = await probe.now();
    const newer = { recordVersion: 99, readyAt: now - 9 };
    await probe.given(sampleReadyJob({ id: idIn(1, "newer"), ...newer }, now));
    const ready = await probe.given(sampleReadyJob({ id: idIn(2, "ready"), readyAt: now - 1 }, now));
    assert.deepEqual(idsOf(await probe.claimNext({ limit: 1 })), [ready.id]);
  },

  "takes the oldest for a token whose jobs have ended or are gone": async (probe, keys) => {
    const now = await probe.now();
    const ended = await probe.given(sampleReadyJob({ id: idIn(1, "ended") }, now));
    const [job] = await probe.claimNext();
    assert.equal(job?.record.id, ended.id);
    accepted(await probe.write(sampleWrite(job.record, { edges: ["T5"], patch: SAMPLE_END })));
    const young = await probe.given(sampleReadyJob({ id: idIn(1, "young"), readyAt: now - 1 }, now));
    const old = await probe.given(sampleReadyJob({ id: idIn(2, "old"), readyAt: now - 9 }, now));
    await keys.redis.set(keys.of('t:"next-token"', 3), "ghost");
    assert.deepEqual(idsOf(await probe.claimNext({ limit: 1 })), [old.id]);
    assert.equal((await probe.read(young.id)).record.status, "QUEUED");
  },

  "takes the first by id of those that are ready since one instant": async (probe) => {
    const now = await probe.now();
    const given = (shard: number, name: string, kind: string) =>
      probe.given(sampleReadyJob({ id: idIn(shard, name), kind, readyAt: now - 5 }, now));
    await given(1, "m9", "kind-a");
    const first = await given(1, "m5", "kind-b");
    await given(2, "m7", "kind-a");
    const kinds = ["kind-a", "kind-b"].map((kind) => ({ kind, leaseMs: 60_000 }));
    assert.deepEqual(idsOf(await probe.claimNext({ kinds, limit: 1 })), [first.id]);
  },
};

/** What is told of all kinds, in whatever order they come. */
export const KINDS: Readonly<Record<string, RedisTest>> = {
  "tells since when something is ready, whichever kind it is of": async (probe) => {
    const now = await probe.now();
    const kinds = ["kind-a", "kind-b", "kind-c"];
    for (const [index, kind] of kinds.entries()) {
      const readyAt = now - 10 * (index + 1);
      for (const other of kinds) {
        const at = other === kind ? readyAt : now - index;
        await probe.given(sampleReadyJob({ id: `${kind}-${other}`, kind: other, readyAt: at }, now));
      }
      assert.equal((await probe.health()).oldestReadyAt, readyAt);
    }
  },
};

/** Cursors, and the list of what a notifier gave up. */
export const CURSORS: Readonly<Record<string, RedisTest>> = {
  "lists a job as long as one of its notifiers has given up": async (probe) => {
    await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
    const listed = async () => idsOf((await probe.list({ undeliverable: true })).jobs);
    const advance = (cursors: Readonly<Record<string, Cursor>>) => probe.advance({ id: "job-1", cursors });
    await advance({ a: cursorOf({ exhausted: [1] }), b: cursorOf({ exhausted: [1] }) });
    assert.deepEqual(await listed(), ["job-1"]);
    await advance({ a: cursorOf({ upTo: 2 }) });
    assert.deepEqual(await listed(), ["job-1"]);
    await advance({ b: cursorOf({ upTo: 2 }) });
    assert.deepEqual([await listed(), (await probe.health()).undeliverable], [[], 0]);
  },

  "lists no job for a cursor that is at its beginning, or behind the stored one": async (probe) => {
    const now = await probe.now();
    for (const id of ["job-1", "job-2"]) await probe.given(sampleJob({ id }, now));
    await probe.advance({ id: "job-1", cursors: { ui: cursorOf({ upTo: 0, attempts: 0 }) } });
    await probe.advance({ id: "job-2", cursors: { a: cursorOf({ upTo: 2 }) } });
    await probe.advance({ id: "job-2", cursors: { a: cursorOf({ exhausted: [1] }), b: cursorOf({}) } });
    assert.deepEqual(idsOf((await probe.list({ undeliverable: true })).jobs), []);
  },

  "writes a plan that knows of one attempt more and of a later one": async (probe) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1" }, now));
    await probe.advance({ id: "job-1", wakeAt: now + 1_000, cursors: { ui: cursorOf({ retryAt: now }) } });
    const later = cursorOf({ attempts: 2, retryAt: now + 1 });
    const plan = { id: "job-1", wakeAt: now + 9_000, latestWakeAt: NEVER, cursors: { ui: later } };
    assert.deepEqual(await probe.advance(plan), {
      ...{ status: "ok", wake: "written", cursors: { ui: later } },
    });
  },
};
