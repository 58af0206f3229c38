import { expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { advance } from "../../../src/core/decide/deliver.js";
import { DEFAULT_POLICY } from "../../../src/core/defaults.js";
import { START } from "../../../src/core/job/record.js";
import { sampleQueuedJob } from "../../../src/testing/sample-jobs.js";

const NOW = 1_000_000;

// Found by seeds 38 and 49 with a receiver that often fails: two relays fail the same attempt, each draws its own backoff;
// the cursor of the first stayed, and the wake-up of the second was stored beside it: late by up to the cap of the backoff.
it("a second failure of the same attempt does not put the wake-up behind the stored retry", async () => {
  const store = memoryStore();
  const record = sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, NOW);
  await store.create({ nowMs: NOW, items: [{ record, input: "null" }] });
  const failed = (retryAt: number) => ({ ui: { ...START, attempts: 5, retryAt } });
  const context = { now: NOW, policy: DEFAULT_POLICY };
  const first = advance({ record, cursors: {} }, failed(NOW + 10_000), context);
  const second = advance({ record, cursors: {} }, failed(NOW + 300_000), context);
  await store.advance({ nowMs: NOW, items: [first] });
  await store.advance({ nowMs: NOW, items: [second] });
  const { jobs } = await store.read({ nowMs: NOW, ids: ["job-1"] });
  expect(jobs[0]?.cursors["ui"]?.retryAt).toBe(NOW + 10_000);
  expect(jobs[0]?.record.wakeAt).toBeLessThanOrEqual(NOW + 10_000);
});
