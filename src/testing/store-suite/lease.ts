import assert from "node:assert/strict";
import type { JobRecord } from "../../core/job/record.js";
import { SAMPLE_END, sampleWrite } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { accepted, claimed, refused, type StoreProbe } from "./store-probe.js";

/** Returns a job whose lease has run out to its queue, as a sweep does. */
function sweep(record: JobRecord): ReturnType<typeof sampleWrite> {
  const patch = { ...SAMPLE_END, dispatch: record.dispatch + 1, sendAt: record.updatedAt };
  const guard = { expiredLease: record.leaseUntil ?? 0 };
  return sampleWrite(record, { edges: ["T7"], guard, patch, transitionId: "sweep" });
}

/** The first worker's lease ran out, and a second one runs the job now. */
async function handedOver(probe: StoreProbe): Promise<{ stale: JobRecord; current: JobRecord }> {
  const { record: stale } = await probe.processing({ id: "job-1" }, { token: "first", leaseMs: 50 });
  await probe.after(150);
  accepted(await probe.write(sweep(stale)));
  const { record: current } = claimed(await probe.claim({ id: "job-1", dispatch: 2, token: "second" }));
  return { stale, current };
}

export const leaseBehaviour: StoreBehaviour = {
  group: "lease",
  tests: {
    "refuses the outcome of a worker whose job another one runs now": async (probe) => {
      const { stale, current } = await handedOver(probe);
      assert.ok(current.fence > stale.fence);
      const late = sampleWrite(stale, { edges: ["T5"], patch: SAMPLE_END, output: '"first"' });
      assert.deepEqual(refused(await probe.write(late)).record, current);
      accepted(
        await probe.write(sampleWrite(current, { edges: ["T5"], patch: SAMPLE_END, output: '"second"' })),
      );
      refused(await probe.write(late));
      assert.equal((await probe.read("job-1", { output: true })).output, '"second"');
    },

    "refuses it even where it knows the version: the token decides": async (probe) => {
      const { stale, current } = await handedOver(probe);
      const forged = { ...current, token: stale.token };
      refused(
        await probe.write(sampleWrite(forged, { edges: ["T5"], patch: SAMPLE_END, output: '"first"' })),
      );
      assert.deepEqual((await probe.read("job-1", { output: true })).record, current);
    },

    "refuses its beat, and leaves the other's lease alone": async (probe) => {
      const { current } = await handedOver(probe);
      const job = refused(await probe.beat({ id: "job-1", token: "first", leaseMs: 600_000 }));
      assert.deepEqual(job.record, current);
      assert.equal((await probe.read("job-1")).record.leaseUntil, current.leaseUntil);
    },

    "refuses its claim asked again": async (probe) => {
      const { current } = await handedOver(probe);
      assert.deepEqual(refused(await probe.claim({ id: "job-1", token: "first" })).record, current);
    },

    "refuses its outcome between the sweep and the next claim": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.write(sweep(record)));
      const late = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"late"' });
      assert.equal(refused(await probe.write(late)).record.status, "PENDING");
    },

    "takes the outcome of a worker whose lease has passed while nobody else took the job": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })));
      refused(await probe.write(sweep(record)));
      assert.equal((await probe.read("job-1")).record.status, "COMPLETED");
    },

    "takes one sweep of a lease, not two": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.write(sweep(record)));
      refused(await probe.write(sweep(record)));
      assert.equal((await probe.read("job-1")).record.dispatch, 2);
    },

    "refuses the sweep of a claim that has the version and token observed, but a newer lease": async (
      probe,
    ) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      const { record: stored } = refused(await probe.write(sweep(record)));
      assert.deepEqual(
        [stored.version, stored.token, stored.status],
        [record.version, "token-1", "PROCESSING"],
      );
    },

    "has passed at its very instant, when its wake-up comes": async (probe) => {
      if (probe.doesNotApply(probe.hasServerClock, "a server's clock cannot be stopped at an instant"))
        return;
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 1_000 });
      await probe.after(999);
      refused(await probe.write(sweep(record)));
      assert.deepEqual(await probe.takeDue(), []);
      await probe.after(1);
      assert.equal((await probe.takeDue()).length, 1);
      const swept = sweep(record);
      accepted(await probe.write(swept));
    },

    "counts from the store's clock at a write that asks for one": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      await probe.after(20);
      const from = await probe.now();
      const result = await probe.write(sampleWrite(record, { patch: { phase: "next" }, leaseMs: 90_000 }));
      const to = await probe.now();
      assert.equal(result.status, "ok");
      const leaseUntil = result.leaseUntil ?? 0;
      assert.ok(leaseUntil >= from + 90_000 && leaseUntil <= to + 90_000);
      assert.equal((await probe.read("job-1")).record.leaseUntil, leaseUntil);
    },

    "stays as it is at a write that asks for none": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      await probe.after(20);
      assert.deepEqual(await probe.write(sampleWrite(record, { patch: { phase: "next" } })), {
        status: "ok",
      });
      assert.equal((await probe.read("job-1")).record.leaseUntil, record.leaseUntil);
    },
  },
};
