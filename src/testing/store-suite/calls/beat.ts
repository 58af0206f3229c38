import assert from "node:assert/strict";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, byId, present, refused } from "../store-probe.js";

export const beatBehaviour: StoreBehaviour = {
  group: "beat",
  tests: {
    "extends the lease and changes nothing else: no version, no wake-up": async (probe) => {
      const before = await probe.processing({ id: "job-1", notifiers: ["ui"] });
      await probe.after(20);
      const from = await probe.now();
      const result = await probe.beat({ id: "job-1", token: "token-1", leaseMs: 120_000 });
      const to = await probe.now();
      assert.equal(result.status, "ok");
      assert.ok(result.leaseUntil >= from + 120_000 && result.leaseUntil <= to + 120_000);
      assert.deepEqual([result.version, result.cancelRequested], [before.record.version, false]);
      const { record, cursors } = await probe.read("job-1");
      assert.deepEqual(record, { ...before.record, leaseUntil: result.leaseUntil });
      assert.deepEqual(cursors, {});
    },

    "may shorten the lease": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 600_000 });
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 1_000 }));
      const { leaseUntil } = (await probe.read("job-1")).record;
      assert.ok((leaseUntil ?? 0) < (record.leaseUntil ?? 0));
    },

    "revives a lease that has passed as long as nobody took the job": async (probe) => {
      await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
    },

    "tells of a request to cancel, and of a version that the worker has not seen": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const cancel = { at: record.updatedAt, actor: "ops", reason: null };
      accepted(await probe.write(sampleWrite(record, { edges: ["cancel"], patch: { cancel } })));
      const result = await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 });
      assert.equal(result.status, "ok");
      assert.deepEqual([result.version, result.cancelRequested], [record.version + 1, true]);
    },

    "leaves a guard on version and token standing: a beat runs beside a write": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"] })));
    },

    "refuses another token, and answers what is stored": async (probe) => {
      const before = await probe.processing({ id: "job-1" });
      const job = refused(await probe.beat({ id: "job-1", token: "theirs", leaseMs: 60_000 }));
      assert.deepEqual([job.record, job.cursors], [before.record, {}]);
      assert.deepEqual((await probe.read("job-1")).record, before.record);
    },

    "refuses a job that nobody runs": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "pending" }, now));
      await probe.given(sampleQueuedJob({ id: "queued" }, now));
      await probe.final("COMPLETED", { id: "completed" });
      await probe.final("FAILED", { id: "failed" });
      for (const id of ["pending", "queued", "completed", "failed"]) {
        const before = await probe.read(id);
        refused(await probe.beat({ id, token: "token-1", leaseMs: 60_000 }));
        assert.deepEqual(await probe.read(id), before);
      }
    },

    "refuses a status other than PROCESSING even where the token is left": async (probe) => {
      const record = await probe.given(sampleQueuedJob({ id: "job-1", token: "left" }, await probe.now()));
      refused(await probe.beat({ id: "job-1", token: "left", leaseMs: 60_000 }));
      assert.deepEqual((await probe.read("job-1")).record, record);
    },

    "refuses a job that awaits outside work": async (probe) => {
      const { record } = await probe.awaiting({ id: "awaiting" });
      refused(await probe.beat({ id: "awaiting", token: "token-1", leaseMs: 60_000 }));
      assert.deepEqual((await probe.read("awaiting")).record, record);
    },

    "refuses a job that awaits outside work even where the token is left": async (probe) => {
      const { record } = await probe.awaiting({ id: "awaiting" });
      accepted(await probe.write(sampleWrite(record, { patch: { token: "left" } })));
      refused(await probe.beat({ id: "awaiting", token: "left", leaseMs: 60_000 }));
      assert.equal((await probe.read("awaiting")).record.leaseUntil, null);
    },

    "tells of a job that does not exist": async (probe) => {
      assert.deepEqual(await probe.beat({ id: "nobody", token: "t", leaseMs: 1 }), { status: "gone" });
    },

    "judges the items of one call one by one, in order": async (probe) => {
      await probe.processing({ id: "a" }, { token: "token-a" });
      const b = await probe.processing({ id: "b" }, { token: "token-b" });
      accepted(await probe.write(sampleWrite(b.record, { edges: ["T7"], patch: SAMPLE_END })));
      const items = [
        { id: "nobody", token: "t", leaseMs: 60_000 },
        { id: "b", token: "token-b", leaseMs: 60_000 },
        { id: "a", token: "token-a", leaseMs: 60_000 },
      ];
      const { results } = await probe.store.beat({ ...probe.at, items });
      assert.deepEqual(
        results.map((result) => result.status),
        ["gone", "refused", "ok"],
      );
    },

    "extends every job of a call, also those of one token": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const ids = ["a", "b", "c"];
      for (const id of ids) await probe.given(sampleReadyJob({ id }, now));
      assert.equal((await probe.claimNext()).length, ids.length);
      const items = ids.map((id, index) => ({ id, token: "next-token", leaseMs: 120_000 * (index + 1) }));
      const { results } = await probe.store.beat({ ...probe.at, items });
      for (const [index, id] of ids.entries()) {
        const result = present(results[index]);
        assert.equal(result.status, "ok");
        assert.ok(result.leaseUntil >= now + 120_000 * (index + 1));
        assert.equal((await probe.read(id)).record.leaseUntil, result.leaseUntil);
      }
    },

    "extends the lease of one job, of several that are run under one token": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const id of ["a", "b"]) await probe.given(sampleReadyJob({ id }, now));
      const before = await probe.claimNext();
      assert.equal(before.length, 2);
      accepted(await probe.beat({ id: "a", token: "next-token", leaseMs: 120_000 }));
      assert.ok(((await probe.read("a")).record.leaseUntil ?? 0) >= now + 120_000);
      assert.deepEqual((await probe.read("b")).record, byId(before)[1]?.record);
    },
  },
};
