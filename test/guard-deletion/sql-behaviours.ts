import assert from "node:assert/strict";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";

/** What the SQL stores do beside what every store must. */
export const sqlBehaviour: StoreBehaviour = {
  group: "in SQL",
  tests: {
    "answers a token with what it runs, not with a job that was left with it": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const left = { token: "next-token", notifiers: [] };
      for (const status of ["PENDING", "QUEUED", "COMPLETED", "FAILED"] as const) {
        await probe.given(sampleJob({ id: `job-${status}`, status, ...left }, now));
      }
      assert.deepEqual(await probe.claimNext(), []);
    },
  },
};
