import assert from "node:assert/strict";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { accepted, type StoreProbe } from "./store-probe.js";

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
  const ui = { upTo: version, attempts: 0, retryAt: null, exhausted: [version] };
  accepted(await probe.advance({ id, ifVersion: version, wakeAt: null, purgeAt, cursors: { ui } }));
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

    "frees the scope": async (probe) => {
      const now = await probe.now();
      await settled(probe, "job-1", now - 1, "scope-1");
      await purge(probe);
      await probe.given(sampleJob({ id: "job-1", scope: "scope-2" }, now));
      await probe.given(sampleJob({ id: "job-2", scope: "scope-1" }, now));
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
  },
};
