import assert from "node:assert/strict";
import type { StoredJob } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, SCOPE, type StoreProbe, underScope } from "../store-probe.js";
import { START } from "../../../core/job/record.js";

/** A settled job that may be removed from `purgeAt` on. */
async function settled(
  probe: StoreProbe,
  id: string,
  purgeAt: number,
  scope: string | null = null,
): Promise<void> {
  const { record } = await probe.processing({ id, scope, owner: "o", subject: "plan:42", notifiers: ["ui"] });
  const patch = { ...SAMPLE_END, purgeAt };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: '"done"' })));
  const version = record.version + 1;
  const ui = { ...START, upTo: version, exhausted: [version] };
  accepted(await probe.advance({ id, ifVersion: version, wakeAt: null, purgeAt, cursors: { ui } }));
}

/** A settled job that still says what it awaited, under its id as a reference key: a store that keeps it must forget it. */
async function endedAwaiting(probe: StoreProbe, id: string, purgeAt: number): Promise<void> {
  const { record } = await probe.awaiting({ id, notifiers: ["ui"] }, [id]);
  const patch = { ...SAMPLE_END, purgeAt };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: `"of ${id}"` })));
  const ui = { ...START, upTo: record.version + 1 };
  accepted(await probe.advance({ id, wakeAt: null, purgeAt, cursors: { ui } }));
}

/** What is found of a job, by its id and by its id as a reference key. */
interface Traces {
  readonly job: StoredJob | null;
  readonly byRef: readonly string[];
}

async function tracesOf(probe: StoreProbe, id: string): Promise<Traces> {
  const job = await probe.find(id, { input: true, output: true });
  const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey: id });
  return { job, byRef: jobs.map(({ record }) => record.id) };
}

async function purge(
  probe: StoreProbe,
  limit = 100,
  parkedBefore = 0,
): Promise<{ jobs: number; parked: number }> {
  await probe.indexed();
  const { jobs, parked } = await probe.store.purge({ ...probe.at, limit, parkedBefore });
  return { jobs, parked };
}

export const purgeBehaviour: StoreBehaviour = {
  group: "purge",
  tests: {
    "tells in health since when something is past its time, where it can": async (probe) => {
      const now = await probe.now();
      await settled(probe, "later", now + 600_000);
      await settled(probe, "past", now - 5);
      await settled(probe, "older", now - 9);
      await probe.indexed();
      const { oldestExpiredAt } = await probe.health();
      if (oldestExpiredAt === undefined) return;
      assert.equal(oldestExpiredAt, now - 9);
      await purge(probe);
      await probe.indexed();
      assert.equal((await probe.health()).oldestExpiredAt, null);
    },

    "removes what is settled and past its time, and nothing else": async (probe) => {
      const now = await probe.now();
      await settled(probe, "past", now - 1);
      await settled(probe, "later", now + 600_000);
      await probe.given(sampleJob({ id: "pending" }, now));
      await probe.given(sampleReadyJob({ id: "ready" }, now));
      await probe.processing({ id: "processing" });
      await probe.awaiting({ id: "awaiting" });
      assert.deepEqual(await purge(probe), { jobs: 1, parked: 0 });
      assert.equal(await probe.find("past"), null);
      for (const id of ["later", "pending", "ready", "processing", "awaiting"])
        assert.notEqual(await probe.find(id), null);
      assert.deepEqual(await purge(probe), { jobs: 0, parked: 0 });
    },

    "removes input, output, cursors and every trace in the lists": async (probe) => {
      const now = await probe.now();
      await settled(probe, "job-1", now - 1);
      await purge(probe);
      const filters = [{ owner: "o" }, { subject: "plan:42" }, { kinds: ["sample.work"] }, {}];
      for (const filter of [...filters, { undeliverable: true }]) {
        assert.deepEqual((await probe.list(filter)).jobs, []);
      }
      assert.equal((await probe.health()).undeliverable, 0);
      const anew = { id: "job-1", owner: "o", subject: "plan:42", createdAt: now - 60_000 };
      await probe.given(sampleJob(anew, now), '"anew"');
      for (const filter of filters) {
        assert.deepEqual(
          (await probe.list(filter)).jobs.map((job) => job.record.createdAt),
          [now - 60_000],
        );
      }
      const { cursors, input, output } = await probe.read("job-1", { input: true, output: true });
      assert.deepEqual([cursors, input, output], [{}, '"anew"', null]);
    },

    "removes a job as a whole, and nothing that belongs to another": async (probe) => {
      const now = await probe.now();
      // Two of one instant: which of them goes first is the store's choice, but it goes as a whole.
      const past = { "job-1": now - 1, "job-2": now - 2, "job-3": now - 2, "job-4": now - 3 };
      for (const [id, purgeAt] of Object.entries(past)) await endedAwaiting(probe, id, purgeAt);
      await endedAwaiting(probe, "later", now + 600_000);
      await probe.awaiting({ id: "awaiting" }, ["awaiting"]);
      const ids = [...Object.keys(past), "later", "awaiting"];
      await probe.indexed();
      const before = new Map<string, Traces>();
      for (const id of ids) before.set(id, await tracesOf(probe, id));
      assert.deepEqual(before.get("awaiting")?.byRef, ["awaiting"]);
      for (const left of [5, 4, 3, 2, 2]) {
        await purge(probe, 1);
        const after = await Promise.all(ids.map((id) => tracesOf(probe, id)));
        assert.equal(after.filter(({ job }) => job !== null).length, left);
        for (const [index, traces] of after.entries()) {
          const kept = traces.job === null ? { job: null, byRef: [] } : before.get(ids[index] ?? "");
          assert.deepEqual(traces, kept);
        }
      }
      // What is made anew finds nothing of those that went.
      for (const id of ["job-1", "job-4"]) {
        const record = await probe.given(sampleJob({ id }, now), '"anew"');
        const job = { record, cursors: {}, input: '"anew"', output: null };
        assert.deepEqual(await tracesOf(probe, id), { job, byRef: [] });
      }
    },

    "frees the scope": async (probe) => {
      const now = await probe.now();
      await settled(probe, underScope("job-1"), now - 1, SCOPE);
      await purge(probe);
      await probe.given(sampleJob({ id: underScope("job-1"), scope: "scope-2" }, now));
      await probe.given(sampleJob({ id: underScope("job-2"), scope: SCOPE }, now));
    },

    "removes nothing before its time": async (probe) => {
      if (probe.doesNotApply(probe.hasServerClock, "a server's clock cannot be stopped at an instant"))
        return;
      await settled(probe, "job-1", (await probe.now()) + 1);
      assert.deepEqual(await purge(probe), { jobs: 0, parked: 0 });
      await probe.after(2);
      assert.deepEqual(await purge(probe), { jobs: 1, parked: 0 });
    },

    "removes no more than the limit, the longest past first": async (probe) => {
      const now = await probe.now();
      for (const [id, ago] of [
        ["b", 2],
        ["a", 1],
        ["c", 3],
      ] as const)
        await settled(probe, id, now - ago);
      assert.equal((await purge(probe, 2)).jobs, 2);
      assert.notEqual(await probe.find("a"), null);
      assert.equal((await purge(probe, 2)).jobs, 1);
    },

    "makes every later call find nothing": async (probe) => {
      const now = await probe.now();
      await settled(probe, "job-1", now - 1);
      const { record } = await probe.read("job-1");
      await purge(probe);
      assert.deepEqual(await probe.write(sampleWrite(record)), { status: "gone" });
      assert.deepEqual(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 1 }), { status: "gone" });
      assert.deepEqual(await probe.claim({ id: "job-1", dispatch: 9 }), { status: "gone" });
      assert.deepEqual(await probe.advance({ id: "job-1", ifVersion: 1 }), { status: "gone" });
      assert.equal(await probe.find("job-1"), null);
    },

    "removes parked messages that are older than asked for": async (probe) => {
      const messages = [1_000, 2_000, 3_000].map((at) => ({
        id: `p-${String(at)}`,
        queue: "q",
        body: "b",
        reason: "r",
        at,
      }));
      await probe.store.park({ ...probe.at, messages });
      assert.deepEqual(await purge(probe, 100, 2_000), { jobs: 0, parked: 1 });
      const { messages: left } = await probe.store.parked({ ...probe.at, limit: 10 });
      assert.deepEqual(
        left.map(({ id }) => id),
        ["p-2000", "p-3000"],
      );
    },

    "removes all the parked messages that are old, whatever the limit of jobs": async (probe) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await settled(probe, id, now - 1);
      const messages = ["p-1", "p-2", "p-3"].map((id) => ({
        id,
        queue: "q",
        body: "b",
        reason: "r",
        at: 1_000,
      }));
      await probe.store.park({ ...probe.at, messages });
      assert.deepEqual(await purge(probe, 1, 2_000), { jobs: 1, parked: 3 });
      assert.equal((await probe.health()).parked, 0);
    },
  },
};
