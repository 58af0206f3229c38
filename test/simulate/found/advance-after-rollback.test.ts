import { expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { advance } from "../../../src/core/decide/deliver.js";
import { DEFAULT_POLICY } from "../../../src/core/defaults.js";
import { START } from "../../../src/core/job/record.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { SharedStore } from "../shared-store.js";

const NOW = 1_000_000;
const ignore = (): void => undefined;

// Found with eight rollbacks a run and a receiver that often fails. `advance` was guarded by the version alone, and
// versions repeat after a store lost acknowledged writes: a relay that still held the lost end cleared the wake-up of a
// job that was PENDING by then, and dated its removal.
it("an advance planned on a lost version leaves the wake-up of the one that took its number", async () => {
  let now = NOW;
  const shared = new SharedStore({ make: memoryStore, now: () => now, onChange: ignore, onPark: ignore });
  const { store } = shared;
  const queued = sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, NOW);
  await store.create({ nowMs: now, items: [{ record: queued, input: "null" }] });
  now += 1_000;
  const end = sampleWrite(queued, { edges: ["T9"], patch: SAMPLE_END });
  await store.write({ nowMs: now, items: [end] });
  const { jobs } = await store.read({ nowMs: now, ids: ["job-1"] });
  const lost = jobs[0] ?? { record: queued, cursors: {} };
  await shared.rollBack(500);
  const recalled = sampleJob(
    { ...queued, status: "PENDING", version: 3, sendAt: now, wakeAt: now + 15_000 },
    now,
  );
  const { status, version, sendAt, wakeAt } = recalled;
  const patch = { status, version, sendAt, wakeAt };
  await store.write({ nowMs: now, items: [sampleWrite(queued, { edges: ["T3"], patch })] });
  const told = { ui: { ...START, upTo: 3 } };
  await store.advance({ nowMs: now, items: [advance(lost, told, { now, policy: DEFAULT_POLICY })] });
  const after = await store.read({ nowMs: now, ids: ["job-1"] });
  expect(after.jobs[0]?.record).toMatchObject({ status: "PENDING", purgeAt: null });
  // Sooner does no harm.
  expect(after.jobs[0]?.record.wakeAt ?? Infinity).toBeLessThanOrEqual(now + 15_000);
});
