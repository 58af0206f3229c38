import assert from "node:assert/strict";
import type { StoredJob } from "../../src/core/ports/store.js";
import type { Awaiting } from "../../src/core/record.js";
import {
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { accepted, claimed, sampleNext } from "../../src/testing/store-suite/store-probe.js";

/** Half a minute, two: of two leases or wake-ups that must not be taken for each other. */
const NEAR_MS = 30_000;
const FAR_MS = 120_000;

const idsOf = (jobs: readonly StoredJob[]): readonly string[] => jobs.map(({ record }) => record.id);

function awaitingOf(refKey: string, now: number): Awaiting {
  return {
    ref: refKey,
    refKeys: [refKey],
    since: now,
    deadlineAt: now + FAR_MS,
    nextPollAt: now + NEAR_MS,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
}

/** What a guard keeps and no test of the store suite asks for: each was found by taking a guard out that nobody missed. */
export const moreBehaviour: StoreBehaviour = {
  group: "one job and no other",
  tests: {
    "wakes up at the end of the lease where the deadline is later": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", deadlineAt: now + 3_600_000 }, now));
      const { record } = claimed(await probe.claim({ id: "job-1" }));
      assert.equal(record.wakeAt, record.leaseUntil);
    },

    "wakes up at the end of the lease where all else comes later": async (probe) => {
      const now = await probe.now();
      const later = { deadlineAt: now + 3_600_000, notifiers: ["ui"] };
      await probe.given(sampleQueuedJob({ id: "job-1", ...later }, now));
      const terms = sampleTerms({ notifyGraceMs: FAR_MS });
      const { record } = claimed(await probe.claim({ id: "job-1", leaseMs: NEAR_MS }, terms));
      assert.equal(record.wakeAt, record.leaseUntil);
    },

    "stores the output of the job that ended, and leaves every other job's": async (probe) => {
      const { record: one } = await probe.processing({ id: "job-1" });
      const { record: two } = await probe.processing({ id: "job-2" });
      accepted(await probe.write(sampleWrite(one, { edges: ["T5"], output: '"one"' })));
      assert.equal((await probe.read("job-2", { output: true })).output, null);
      accepted(await probe.write(sampleWrite(two, { edges: ["T5"], output: '"two"' })));
      assert.equal((await probe.read("job-1", { output: true })).output, '"one"');
      assert.equal((await probe.read("job-2", { output: true })).output, '"two"');
    },

    "extends the lease of one job, of several that were claimed under one token": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await probe.given(sampleReadyJob({ id }, now));
      const jobs = await probe.claimNext({ kinds: [{ kind: "sample.work", leaseMs: NEAR_MS }] });
      assert.equal(jobs.length, 2);
      accepted(await probe.beat({ id: "job-1", token: "next-token", leaseMs: FAR_MS }));
      const [one, two] = [(await probe.read("job-1")).record, (await probe.read("job-2")).record];
      assert.ok((one.leaseUntil ?? 0) >= now + FAR_MS);
      assert.ok((two.leaseUntil ?? 0) < now + FAR_MS);
    },

    "keeps a job under a reference key that is given twice": async (probe) => {
      await probe.awaiting({ id: "job-1" }, ["ref-1", "ref-1"]);
      const request = { ...probe.at, kind: "sample.work", refKey: "ref-1" };
      assert.deepEqual(idsOf((await probe.store.byRef(request)).jobs), ["job-1"]);
    },

    "finds by a reference key the job that awaits it, and no other": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1" }, now));
      await probe.awaiting({ id: "job-2" }, ["ref-2"]);
      await probe.awaiting({ id: "job-3" }, ["ref-3"]);
      await probe.given(sampleQueuedJob({ id: "job-4" }, now));
      for (const number of [2, 3]) {
        const request = { ...probe.at, kind: "sample.work", refKey: `ref-${String(number)}` };
        assert.deepEqual(idsOf((await probe.store.byRef(request)).jobs), [`job-${String(number)}`]);
      }
    },

    "lists what is asked for to its end, whatever lies between and behind": async (probe) => {
      const now = await probe.now();
      const mine = { owner: "ann", subject: "plan-1", kind: "mine" };
      for (const number of [6, 5, 4, 3, 2, 1]) {
        const fields = number === 5 || number === 3 ? mine : {};
        await probe.given(
          sampleJob({ id: `job-${String(number)}`, createdAt: now + number, ...fields }, now),
        );
      }
      const cursor = { upTo: 1, attempts: 1, retryAt: null, exhausted: [1] };
      for (const id of ["job-5", "job-3"]) await probe.advance({ id, cursors: { ui: cursor } });
      const paths = [{ owner: "ann" }, { subject: "plan-1" }, { kinds: ["mine"] }, { undeliverable: true }];
      for (const path of paths) {
        const first = await probe.list({ ...path, limit: 1 });
        assert.deepEqual(idsOf(first.jobs), ["job-5"]);
        const second = await probe.list({ ...path, limit: 1, after: first.next! });
        assert.deepEqual([idsOf(second.jobs), second.next], [["job-3"], null]);
        const both = await probe.list({ ...path, limit: 2 });
        assert.deepEqual([idsOf(both.jobs), both.next], [["job-5", "job-3"], null]);
      }
    },

    "purges a job with all that belongs to it, and nothing that belongs to another": async (probe) => {
      const now = await probe.now();
      // Two of one instant: which of them goes first is the store's choice, but it goes as a whole.
      const purgeAt = { "job-1": now - 1, "job-2": now - 2, "job-3": now - 2, "job-4": now - 3 };
      const later = { "job-5": now + FAR_MS, "job-6": null };
      const ids = Object.keys({ ...purgeAt, ...later });
      for (const [id, at] of Object.entries({ ...purgeAt, ...later })) {
        await probe.given(
          sampleJob({ id, wakeAt: null, purgeAt: at, awaiting: awaitingOf(id, now) }, now),
          id,
        );
      }
      for (const left of [5, 4, 3, 2, 2]) {
        await probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 });
        const found = await Promise.all(ids.map((id) => probe.find(id, { input: true })));
        assert.equal(found.filter((job) => job !== null).length, left);
        for (const [index, id] of ids.entries()) {
          const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey: id });
          assert.deepEqual(idsOf(jobs), found[index] === null ? [] : [id]);
          if (found[index]) assert.equal(found[index].input, id);
        }
      }
      // What is made anew finds nothing of those that went.
      for (const id of ["job-1", "job-4"]) await probe.given(sampleJob({ id }, now), "anew");
    },

    "brings forward the wake-up of one job, and leaves every other job's": async (probe) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await probe.given(sampleJob({ id, wakeAt: now + FAR_MS }, now));
      await probe.advance({ id: "job-1", ifVersion: 99, latestWakeAt: now + NEAR_MS });
      assert.equal((await probe.read("job-1")).record.wakeAt, now + NEAR_MS);
      assert.equal((await probe.read("job-2")).record.wakeAt, now + FAR_MS);
    },

    "changes nothing of a job that is not named": async (probe) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await probe.given(sampleReadyJob({ id }, now));
      const before = await probe.read("job-2", { input: true, output: true });
      const next = sampleNext({ limit: 1 });
      const [job] = probe.isNoQueue ? [] : (await probe.store.claim({ ...probe.at, next })).jobs;
      if (job !== undefined) {
        accepted(await probe.beat({ id: "job-1", token: "next-token", leaseMs: FAR_MS }));
        accepted(await probe.write(sampleWrite(job.record, { edges: ["phase"], patch: { phase: "p" } })));
        const cursor = { upTo: 1, attempts: 0, retryAt: null, exhausted: [] };
        await probe.advance({ id: "job-1", wakeAt: now + 1, purgeAt: now + 1, cursors: { ui: cursor } });
      }
      assert.deepEqual(await probe.read("job-2", { input: true, output: true }), before);
    },
  },
};
