import assert from "node:assert/strict";
import type { ListReply } from "../../src/core/ports/store.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { START } from "../../src/core/job/record.js";

/** The rows that each of the library's own stores looks at for one page, and a few more. */
const ROWS_PER_PAGE = 1_000;
const JOBS = ROWS_PER_PAGE + 5;
const BATCH = 200;

const idsOf = ({ jobs }: ListReply): readonly string[] => jobs.map(({ record }) => record.id);

/** What the stores of the library do, and another store need not: a page has an end even where little fits. */
export const pageBehaviour: StoreBehaviour = {
  group: "a long list",
  tests: {
    "looks at so many rows for a page, and tells where it stopped": async (probe) => {
      const now = await probe.now();
      // Pairs of one instant, newest first and then by id; the one that is looked for is the oldest of all.
      const records = Array.from({ length: JOBS }, (_, index) => {
        const createdAt = now - Math.floor(index / 2);
        // COMPLETED has no index of its own: it is looked for among all.
        const status = index === JOBS - 1 ? "COMPLETED" : "PENDING";
        return sampleJob({ id: `job-${String(9_999 - index)}`, createdAt, status }, now);
      });
      // The oldest are stored first: where rows come in the order of storing, it is the wrong one.
      const stored = [...records].reverse();
      for (let from = 0; from < JOBS; from += BATCH) {
        await probe.create(...stored.slice(from, from + BATCH).map((record) => ({ record, input: "{}" })));
      }
      const first = await probe.list({ statuses: ["COMPLETED"], limit: 5 });
      const last = records[ROWS_PER_PAGE - 1]!;
      assert.deepEqual(first.jobs, []);
      assert.deepEqual(first.next, { createdAt: last.createdAt, id: last.id });
      const second = await probe.list({ statuses: ["COMPLETED"], limit: 5, after: first.next });
      assert.deepEqual(
        second.jobs.map(({ record }) => record.id),
        [records[JOBS - 1]!.id],
      );
      assert.equal(second.next, null);
    },

    "is read by an index of what is asked for, and ends with it": async (probe) => {
      const now = await probe.now();
      const mine = { owner: "ann", subject: "plan-1", kind: "mine" };
      for (const number of [6, 5, 4, 3, 2, 1]) {
        const fields = number === 5 || number === 3 ? mine : {};
        const id = `job-${String(number)}`;
        await probe.given(sampleJob({ id, createdAt: now + number, ...fields }, now));
      }
      const cursor = { ...START, upTo: 1, attempts: 1, exhausted: [1] };
      for (const id of ["job-5", "job-3"]) await probe.advance({ id, cursors: { ui: cursor } });
      const paths = [{ owner: "ann" }, { subject: "plan-1" }, { kinds: ["mine"] }, { undeliverable: true }];
      for (const path of paths) {
        const first = await probe.list({ ...path, limit: 1 });
        assert.deepEqual(idsOf(first), ["job-5"]);
        const second = await probe.list({ ...path, limit: 1, after: first.next! });
        assert.deepEqual([idsOf(second), second.next], [["job-3"], null]);
        const both = await probe.list({ ...path, limit: 2 });
        assert.deepEqual([idsOf(both), both.next], [["job-5", "job-3"], null]);
      }
    },
  },
};
