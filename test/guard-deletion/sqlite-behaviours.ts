import assert from "node:assert/strict";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { present } from "../../src/testing/store-suite/store-probe.js";

/** What only SQLite does: one file tells its processes of each other's changes. */
export const sqliteBehaviour: StoreBehaviour = {
  group: "on SQLite",
  tests: {
    "tells who listens of what changes from now on": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "before" }, now));
      const other = await present(probe.fixture.second)();
      const heard: string[] = [];
      const heardOne = new Promise<void>((resolve, reject) => {
        present(other.feed)
          .subscribe(({ id }) => {
            heard.push(id);
            resolve();
          })
          .then(() => probe.given(sampleJob({ id: "after" }, now)))
          .catch(reject);
      });
      await heardOne;
      assert.deepEqual(heard, ["after"]);
    },
  },
};
