import assert from "node:assert/strict";
import { STATUSES } from "../../../core/job/lifecycle.js";
import type { WriteGuard, WriteItem } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, refused, type StoreProbe } from "../store-probe.js";
import { START } from "../../../core/job/record.js";

const GUARDED = ["PENDING", "QUEUED", "PROCESSING"] as const satisfies readonly WriteGuard["status"][];

/** The write is refused, answers what is stored, and nothing of it is found afterwards. */
async function isRefused(probe: StoreProbe, item: WriteItem): Promise<void> {
  const before = await probe.read(item.id, { input: true, output: true });
  const { record, cursors } = refused(await probe.write({ ...item, output: '"never"' }));
  assert.deepEqual({ record, cursors }, { record: before.record, cursors: before.cursors });
  assert.deepEqual(await probe.read(item.id, { input: true, output: true }), before);
}

export const writeGuardBehaviour: StoreBehaviour = {
  group: "write guard",
  tests: {
    "refuses another version, lower or higher": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      await isRefused(probe, sampleWrite(record, { guard: { version: record.version - 1 } }));
      await isRefused(probe, sampleWrite(record, { guard: { version: record.version + 1 } }));
      accepted(await probe.write(sampleWrite(record)));
    },

    "refuses another token": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { token: "mine" });
      await isRefused(probe, sampleWrite(record, { guard: { token: "theirs" } }));
      await isRefused(probe, sampleWrite(record, { guard: { token: "MINE" } }));
      await isRefused(probe, sampleWrite(record, { guard: { token: "" } }));
      accepted(await probe.write(sampleWrite(record)));
    },

    "refuses a write without a token while a claim is held": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      await isRefused(probe, sampleWrite(record, { guard: { token: null } }));
    },

    "refuses a write with a token where nobody holds a claim": async (probe) => {
      const now = await probe.now();
      for (const record of [
        await probe.given(sampleJob({ id: "pending" }, now)),
        await probe.given(sampleQueuedJob({ id: "queued" }, now)),
        (await probe.awaiting({ id: "awaiting" })).record,
      ]) {
        await isRefused(probe, sampleWrite(record, { guard: { token: "token-1" } }));
        accepted(await probe.write(sampleWrite(record)));
      }
    },

    "refuses every status but the stored one": async (probe) => {
      const now = await probe.now();
      for (const record of [
        await probe.given(sampleJob({ id: "pending" }, now)),
        await probe.given(sampleQueuedJob({ id: "queued" }, now)),
        await probe.given(sampleReadyJob({ id: "ready" }, now)),
        (await probe.processing({ id: "processing" })).record,
        (await probe.awaiting({ id: "awaiting" })).record,
      ]) {
        for (const status of GUARDED.filter((other) => other !== record.status)) {
          await isRefused(probe, sampleWrite(record, { guard: { status } }));
        }
        accepted(await probe.write(sampleWrite(record)));
      }
    },

    "takes no write to a final record, whatever the guard and the patch": async (probe) => {
      for (const ended of ["COMPLETED", "FAILED"] as const) {
        const { record } = await probe.final(ended, { id: `job-${ended}` });
        for (const status of GUARDED) {
          for (const to of STATUSES) {
            await isRefused(probe, sampleWrite(record, { guard: { status }, patch: { status: to } }));
          }
        }
      }
    },

    "refuses another dispatch, lower or higher": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", dispatch: 2 }, await probe.now()));
      await isRefused(probe, sampleWrite(record, { guard: { dispatch: 1 } }));
      await isRefused(probe, sampleWrite(record, { guard: { dispatch: 3 } }));
      accepted(await probe.write(sampleWrite(record, { guard: { dispatch: 2 } })));
    },

    "does not ask for the dispatch where the guard does not": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", dispatch: 7 }, await probe.now()));
      accepted(await probe.write(sampleWrite(record)));
    },

    "refuses a sweep of a lease that has not passed": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 600_000 });
      const expiredLease = record.leaseUntil ?? 0;
      await isRefused(
        probe,
        sampleWrite(record, { edges: ["T7"], guard: { expiredLease }, patch: SAMPLE_END }),
      );
    },

    "refuses a sweep of another lease than the one observed": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      const lease = record.leaseUntil ?? 0;
      for (const expiredLease of [lease - 1, lease + 1, 0]) {
        await isRefused(
          probe,
          sampleWrite(record, { edges: ["T7"], guard: { expiredLease }, patch: SAMPLE_END }),
        );
      }
    },

    "refuses a sweep after a beat, although version and token are as observed": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 50 }));
      await probe.after(150);
      const expiredLease = record.leaseUntil ?? 0;
      await isRefused(
        probe,
        sampleWrite(record, { edges: ["T7"], guard: { expiredLease }, patch: SAMPLE_END }),
      );
    },

    "refuses a sweep where there is no lease: absent is never expired": async (probe) => {
      const { record } = await probe.awaiting({ id: "job-1" });
      await isRefused(probe, sampleWrite(record, { edges: ["T7"], guard: { expiredLease: 0 } }));
    },

    "takes a sweep of the lease observed once it has passed": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      const expiredLease = record.leaseUntil ?? 0;
      accepted(
        await probe.write(sampleWrite(record, { edges: ["T7"], guard: { expiredLease }, patch: SAMPLE_END })),
      );
      const swept = (await probe.read("job-1")).record;
      assert.deepEqual([swept.status, swept.token, swept.leaseUntil], ["PENDING", null, null]);
    },

    "tells of a job that does not exist": async (probe) => {
      const record = sampleJob({ id: "nobody" }, await probe.now());
      assert.deepEqual(await probe.write(sampleWrite(record)), { status: "gone" });
      assert.equal(await probe.find("nobody"), null);
    },

    "returns the cursors with a refusal": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      const ui = { ...START, upTo: 1 };
      await probe.advance({ id: "job-1", ifVersion: 1, wakeAt: record.wakeAt, cursors: { ui } });
      const { cursors } = refused(await probe.write(sampleWrite(record, { guard: { version: 9 } })));
      assert.deepEqual(cursors, { ui });
    },

    "judges the items of one call one by one, in order": async (probe) => {
      const now = await probe.now();
      const [a, b, c] = [
        sampleJob({ id: "a" }, now),
        sampleJob({ id: "b" }, now),
        sampleJob({ id: "c" }, now),
      ];
      for (const record of [a, b, c]) await probe.given(record);
      const items = [
        sampleWrite(b, { guard: { version: 5 } }),
        sampleWrite(c, { patch: { send: 3 } }),
        sampleWrite(sampleJob({ id: "nobody" }, now)),
        sampleWrite(a, { patch: { send: 1 } }),
      ];
      const { results } = await probe.store.write({ ...probe.at, items });
      assert.deepEqual(results, [
        { status: "refused", job: { record: b, cursors: {} } },
        { status: "ok" },
        { status: "gone" },
        { status: "ok" },
      ]);
      const sends = await Promise.all(["a", "b", "c"].map(async (id) => (await probe.read(id)).record.send));
      assert.deepEqual(sends, [1, 0, 3]);
    },
  },
};
