import assert from "node:assert/strict";
import { type JobRecord, START } from "../../../core/job/record.js";
import type { StoredJob } from "../../../core/ports/store.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { NEVER, present, sampleNext, type StoreProbe } from "../store-probe.js";

/** Beyond the 25 items that some engines take at once, and no multiple of it. */
const MANY = 60;

function many(probe: StoreProbe): number {
  return Math.min(MANY, probe.store.capabilities.maxBatch);
}

async function given(
  probe: StoreProbe,
  record: (id: string, now: number) => JobRecord,
): Promise<readonly JobRecord[]> {
  const now = await probe.now();
  const records = Array.from({ length: many(probe) }, (_, index) =>
    record(`job-${String(index + 100)}`, now),
  );
  const results = await probe.create(
    ...records.map((each) => ({ record: each, input: JSON.stringify(each.id) })),
  );
  for (const [index, { status }] of results.entries())
    assert.equal(status, "created", `create, item ${String(index)} of ${String(records.length)}`);
  return records;
}

async function readAll(probe: StoreProbe, records: readonly JobRecord[]): Promise<readonly StoredJob[]> {
  const ids = records.map(({ id }) => id);
  const { jobs } = await probe.store.read({ ...probe.at, ids, input: true, output: true });
  assert.equal(jobs.length, ids.length, "one id, one answer");
  return jobs.map((job, index) => {
    const found = present(job);
    assert.equal(found.record.id, ids[index], "in the order of the ids");
    assert.equal(found.input, JSON.stringify(ids[index]), `the input of item ${String(index)}`);
    return found;
  });
}

/** One item, one answer; every third is one that cannot be taken. */
function judged(results: readonly { readonly status: string }[], count: number, call: string): void {
  assert.equal(results.length, count, `${call} answers item by item`);
  for (const [index, { status }] of results.entries())
    assert.equal(
      status,
      index % 3 === 2 ? "refused" : "ok",
      `${call}, item ${String(index)} of ${String(count)}`,
    );
}

async function claimAll(probe: StoreProbe, records: readonly JobRecord[]): Promise<readonly StoredJob[]> {
  const items = records.map(({ id }, index) => ({
    id,
    dispatch: index % 3 === 2 ? 0 : 1,
    token: `token of ${id}`,
    leaseMs: 60_000,
  }));
  const { results } = await probe.store.claim({ ...probe.at, byMessage: { terms: sampleTerms(), items } });
  judged(results, records.length, "claim");
  return readAll(probe, records);
}

export const batchesBehaviour: StoreBehaviour = {
  group: "batches",
  tests: {
    "claims every job of a large call, and refuses each that cannot be claimed": async (probe) => {
      const jobs = await claimAll(probe, await given(probe, (id, now) => sampleQueuedJob({ id }, now)));
      for (const [index, { record }] of jobs.entries())
        assert.equal(
          record.status,
          index % 3 === 2 ? "QUEUED" : "PROCESSING",
          `what is stored of item ${String(index)}`,
        );
    },

    "writes every change of a large call, each with its output, and refuses the others": async (probe) => {
      const records = await given(probe, (id, now) => sampleJob({ id }, now));
      const items = records.map((record, index) =>
        sampleWrite(record, {
          edges: ["T8"],
          patch: SAMPLE_END,
          output: JSON.stringify(index),
          guard: index % 3 === 2 ? { version: 9 } : {},
        }),
      );
      judged((await probe.store.write({ ...probe.at, items })).results, records.length, "write");
      for (const [index, { record, output }] of (await readAll(probe, records)).entries()) {
        const expected = index % 3 === 2 ? ["PENDING", null] : ["FAILED", JSON.stringify(index)];
        assert.deepEqual([record.status, output], expected, `what is stored of item ${String(index)}`);
      }
    },

    "extends every lease of a large call, and refuses the others": async (probe) => {
      const records = await given(probe, (id, now) => sampleQueuedJob({ id }, now));
      const before = await claimAll(probe, records);
      const items = before.map(({ record: { id } }) => ({ id, token: `token of ${id}`, leaseMs: 120_000 }));
      judged((await probe.store.beat({ ...probe.at, items })).results, records.length, "beat");
      for (const [index, { record }] of (await readAll(probe, records)).entries()) {
        const was = before[index]?.record.leaseUntil ?? null;
        if (was === null) assert.equal(record.leaseUntil, null);
        else
          assert.ok(
            (record.leaseUntil ?? 0) >= was + 59_000,
            `the lease of item ${String(index)} is extended`,
          );
      }
    },

    "moves the cursors of every job of a large call": async (probe) => {
      const records = await given(probe, (id, now) => sampleQueuedJob({ id, notifiers: ["ui"] }, now));
      const items = records.map(({ id, status, version, token }, index) => ({
        ...{
          id,
          plannedOn: { status, version, token },
          wakeAt: 1_000 + index,
          purgeAt: null,
          latestWakeAt: NEVER,
        },
        cursors: { ui: { ...START, upTo: 2 } },
      }));
      const { results } = await probe.store.advance({ ...probe.at, items });
      assert.deepEqual(
        results.map(({ status }) => status),
        records.map(() => "ok"),
        "advance answers item by item",
      );
      for (const [index, { record, cursors }] of (await readAll(probe, records)).entries())
        assert.deepEqual(
          [record.wakeAt, cursors],
          [1_000 + index, { ui: { ...START, upTo: 2 } }],
          `what is stored of item ${String(index)}`,
        );
    },

    "takes every ready job that a large claim asks for": async (probe) => {
      if (probe.isNoQueue) return;
      const records = await given(probe, (id, now) => sampleReadyJob({ id }, now));
      const { jobs } = await probe.store.claim({ ...probe.at, next: sampleNext({ limit: records.length }) });
      assert.equal(
        jobs.length,
        records.length,
        `of ${String(records.length)} ready jobs so many were claimed under a limit of as many`,
      );
      for (const { record, input } of jobs)
        assert.equal(input, JSON.stringify(record.id), "a claim answers the input");
      for (const { record } of await readAll(probe, records)) assert.equal(record.token, "next-token");
    },

    "takes every due job of a large call, postponed and once": async (probe) => {
      const records = await given(probe, (id, now) => sampleJob({ id, wakeAt: now - 1 }, now));
      const taken: string[] = [];
      for (let page = 0; page < records.length && taken.length < records.length; page += 1)
        taken.push(...(await probe.takeDue({ limit: records.length })).map(({ record }) => record.id));
      assert.deepEqual(
        [...taken].sort(),
        records.map(({ id }) => id),
        "each due job is taken once",
      );
      assert.deepEqual(await probe.takeDue({ limit: records.length }), [], "what was taken is postponed");
    },

    "lists every job of a large page, each with what was asked for": async (probe) => {
      const records = await given(probe, (id, now) => sampleJob({ id }, now));
      const listed: StoredJob[] = [];
      for (let after: { createdAt: number; id: string } | null | undefined = undefined; after !== null;) {
        const page = await probe.list({
          limit: records.length,
          input: true,
          output: true,
          ...(after ? { after } : {}),
        });
        listed.push(...page.jobs);
        after = page.next;
      }
      assert.deepEqual(
        listed.map(({ record, input, output }) => [record.id, input, output]),
        records.map(({ id }) => [id, JSON.stringify(id), null]).reverse(),
      );
    },

    "removes as many as it says": async (probe) => {
      const records = await given(probe, (id, now) =>
        sampleJob({ id, status: "FAILED", wakeAt: null, purgeAt: now - 1 }, now),
      );
      await probe.indexed();
      let said = 0;
      for (let page = 0; page < records.length && said < records.length; page += 1)
        said += (await probe.store.purge({ ...probe.at, limit: records.length, parkedBefore: 0 })).jobs;
      assert.equal(said, records.length, "purge answers how many it removed");
      const { jobs } = await probe.store.read({ ...probe.at, ids: records.map(({ id }) => id) });
      assert.deepEqual(
        jobs.filter((job) => job !== null),
        [],
        "what was counted is gone",
      );
    },

    "parks many messages and takes them out again": async (probe) => {
      const messages = Array.from({ length: many(probe) }, (_, index) => ({
        ...{
          id: `p-${String(index + 100)}`,
          queue: "work",
          body: `of ${String(index)}`,
          reason: "unparsable",
          at: 5_000,
        },
      }));
      await probe.store.park({ ...probe.at, messages });
      assert.deepEqual(
        (await probe.store.parked({ ...probe.at, limit: messages.length })).messages,
        messages,
      );
      assert.equal((await probe.health()).parked, messages.length, "health counts what is parked");
      await probe.store.unpark({ ...probe.at, ids: messages.slice(1).map(({ id }) => id) });
      assert.deepEqual(
        (await probe.store.parked({ ...probe.at, limit: messages.length })).messages,
        messages.slice(0, 1),
      );
    },
  },
};
