import assert from "node:assert/strict";
import { sampleJob, sampleReadyJob } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { sampleNext } from "../../src/testing/store-suite/store-probe.js";

/** What the store suite takes from a store that tells it, and asks of none. */
export const nextBehaviour: StoreBehaviour = {
  group: "what is next",
  tests: {
    "is told of wake-ups": async (probe) => {
      const ask = async () =>
        (await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 })).nextDueAt;
      assert.equal(await ask(), null);
      const now = await probe.now();
      await probe.given(sampleJob({ id: "soon", wakeAt: now + 60_000 }, now));
      assert.equal(await ask(), now + 60_000);
    },

    "is told of what is ready, and only where less came than was asked for": async (probe) => {
      const ask = async (limit: number) =>
        probe.store.claim({ ...probe.at, next: sampleNext({ limit, token: `most-${String(limit)}` }) });
      assert.equal((await ask(1)).nextReady, null);
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "soon", readyAt: now + 60_000 }, now));
      assert.deepEqual((await ask(2)).nextReady, { id: "soon", readyAt: now + 60_000 });
      await probe.given(sampleReadyJob({ id: "due", readyAt: now - 1 }, now));
      const full = await ask(1);
      assert.deepEqual([full.jobs.length, Object.hasOwn(full, "nextReady")], [1, false]);
    },
  },
};
