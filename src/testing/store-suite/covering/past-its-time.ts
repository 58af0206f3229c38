import assert from "node:assert/strict";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, type StoreProbe } from "../store-probe.js";

const FAR_MS = 600_000;

async function removed(probe: StoreProbe): Promise<number> {
  await probe.indexed();
  return (await probe.store.purge({ ...probe.at, limit: 100, parkedBefore: 0 })).jobs;
}

/** A job that ended long ago by its own account. */
async function ended(probe: StoreProbe, id: string, purgeAt: number | null): Promise<void> {
  const { record } = await probe.processing({ id, retainMs: 1, createdAt: 1 }, { token: `token of ${id}` });
  const patch = { ...SAMPLE_END, finishedAt: 2, purgeAt };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: '"done"' })));
}

/** `purgeAt` alone says what may be removed, whoever wrote it, and as it is now. */
export const pastItsTimeBehaviour: StoreBehaviour = {
  group: "what is past its time",
  tests: {
    "is not what has ended and is not settled, however long ago": async (probe) => {
      await ended(probe, "unsettled", null);
      assert.equal(await removed(probe), 0, '"Removes settled records past `purgeAt`": it has none');
      assert.notEqual(await probe.find("unsettled"), null);
    },

    "is what a write has marked, without any advance": async (probe) => {
      await ended(probe, "marked", (await probe.now()) - 5);
      assert.equal(await removed(probe), 1, "`purgeAt` was written with the end");
      assert.equal(await probe.find("marked"), null);
    },

    "is what was created so": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "created", status: "FAILED", wakeAt: null, purgeAt: now - 5 }, now));
      assert.equal(await removed(probe), 1);
    },

    "is not what a plan has put off, and is again what it brings forward": async (probe) => {
      const now = await probe.now();
      await ended(probe, "moved", now - 5);
      accepted(await probe.advance({ id: "moved", purgeAt: now + FAR_MS }));
      assert.equal(await removed(probe), 0, "`purgeAt` was put off");
      accepted(await probe.advance({ id: "moved", purgeAt: now - 9 }));
      assert.equal(await removed(probe), 1, "`purgeAt` was brought forward");
    },

    "is not what a plan has taken back": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "kept" }, now));
      accepted(await probe.advance({ id: "kept", wakeAt: now + FAR_MS, purgeAt: now - 5 }));
      accepted(await probe.advance({ id: "kept", wakeAt: now + FAR_MS, purgeAt: null }));
      assert.equal(await removed(probe), 0, "`purgeAt` was taken back");
      assert.notEqual(await probe.find("kept"), null);
    },

    "is not what a write has put off": async (probe) => {
      const now = await probe.now();
      const record = await probe.given(sampleQueuedJob({ id: "kept", purgeAt: now - 5 }, now));
      accepted(await probe.write(sampleWrite(record, { patch: { purgeAt: now + FAR_MS } })));
      assert.equal(await removed(probe), 0);
      const { record: again } = await probe.read("kept");
      accepted(await probe.write(sampleWrite(again, { patch: { purgeAt: null } })));
      assert.equal(await removed(probe), 0);
    },
  },
};
