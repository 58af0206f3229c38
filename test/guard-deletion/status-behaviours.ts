import assert from "node:assert/strict";
import type { JobRecord } from "../../src/core/job/record.js";
import type { ListReply, ListRequest } from "../../src/core/ports/store.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";

/** More than the rows that each of the library's own stores looks at for one page. */
const MANY = 1_005;
const BATCH = 201;
const UNFINISHED = ["PENDING", "QUEUED", "PROCESSING"] as const;

type Filter = Partial<Omit<ListRequest, "nowMs">>;

/** What is on a page, and whether it is the last. */
function pageOf({ jobs, next }: ListReply): { readonly ids: readonly string[]; readonly isLast: boolean } {
  return { ids: jobs.map(({ record }) => record.id), isLast: next === null };
}

/** What a record says when its job is over. */
function over(status: "COMPLETED" | "FAILED", now: number): Partial<JobRecord> {
  return { status, finishedAt: now, sendAt: null, wakeAt: null };
}

/**
 * What the stores of the library do, and another store need not: by status and kind a page is read from an index of just
 * those jobs, so that no page ends before them, whatever else is kept.
 */
export const statusBehaviour: StoreBehaviour = {
  group: "a list by status",
  tests: {
    "looks at no job of another status or kind": async (probe) => {
      const now = await probe.now();
      const many = (name: string, createdAt: number, given: Partial<JobRecord>) =>
        Array.from({ length: MANY }, (_, index) =>
          sampleJob({ id: `${name}-${String(9_999 - index)}`, createdAt, ...given }, now),
        );
      const some = (name: string, createdAt: number, given: Partial<JobRecord>) =>
        [2, 1].map((number) => sampleJob({ id: `${name}-${String(number)}`, createdAt, ...given }, now));
      const [mine, other] = [{ kind: "mine" }, { kind: "other" }];
      const purged = { purgeAt: now - 1 };
      const pending = many("other-pending", now - 4, other);
      const failed = many("other-failed", now - 5, { ...other, ...over("FAILED", now), ...purged });
      const records = [
        ...many("mine-completed", now - 1, { ...mine, ...over("COMPLETED", now) }),
        ...some("mine-pending", now - 2, mine),
        ...some("mine-failed", now - 3, { ...mine, ...over("FAILED", now) }),
        ...pending,
        ...failed,
      ];
      for (let from = 0; from < records.length; from += BATCH) {
        const batch = records.slice(from, from + BATCH);
        await probe.create(...batch.map((record) => ({ record, input: "{}" })));
      }
      const page = async (filter: Filter) => pageOf(await probe.list({ limit: 5, ...filter }));
      const twoOf = (name: string) => ({ ids: [`${name}-2`, `${name}-1`], isLast: true });
      const start = { createdAt: now, id: "z" };
      for (const after of [{}, { after: start }]) {
        assert.deepEqual(
          await page({ ...after, kinds: ["mine"], statuses: UNFINISHED }),
          twoOf("mine-pending"),
        );
        assert.deepEqual(
          await page({ ...after, kinds: ["mine"], statuses: ["FAILED"] }),
          twoOf("mine-failed"),
        );
        const { ids } = await page({ ...after, statuses: UNFINISHED, limit: 2 });
        assert.deepEqual(ids, twoOf("mine-pending").ids);
      }
      const lastTwoOf = async (jobs: readonly JobRecord[], filter: Filter) => {
        const { id, createdAt } = jobs[MANY - 3]!;
        const ids = jobs.slice(-2).map((record) => record.id);
        assert.deepEqual(await page({ ...filter, after: { id, createdAt } }), { ids, isLast: true });
      };
      await lastTwoOf(pending, { statuses: UNFINISHED });
      await lastTwoOf(pending, { statuses: UNFINISHED, kinds: ["other"] });
      await lastTwoOf(failed, { statuses: ["FAILED"], kinds: ["other"] });

      for (let left = MANY; left > 0; left -= BATCH)
        await probe.store.purge({ ...probe.at, limit: BATCH, parkedBefore: 0 });
      assert.deepEqual(await page({ statuses: ["FAILED"] }), twoOf("mine-failed"));
      assert.deepEqual(await page({ statuses: ["FAILED"], kinds: ["other"] }), { ids: [], isLast: true });
    },
  },
};
