import assert from "node:assert/strict";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, only, refused, sampleNext, type StoreProbe } from "../store-probe.js";

const HOUR_MS = 3_600_000;
const FAR_MS = 600_000;

/** Callers that are an hour late and an hour early. */
async function forEachCaller(
  probe: StoreProbe,
  look: (nowMs: number, name: string) => Promise<void>,
): Promise<void> {
  if (probe.doesNotApply(!probe.hasServerClock, "the caller's clock is the store's")) return;
  for (const [name, off] of [
    ["late", -HOUR_MS],
    ["early", HOUR_MS],
  ] as const)
    await look((await probe.now()) + off, name);
}

/** "`server`: the engine's clock judges leases and `nowMs` of the caller is ignored", in every call. */
export const skewedCallerBehaviour: StoreBehaviour = {
  group: "a caller whose clock is off",
  tests: {
    "gets a lease by the store's clock": (probe) =>
      forEachCaller(probe, async (nowMs, id) => {
        const { record } = await probe.processing({ id }, { token: `token of ${id}` });
        const result = only(
          (await probe.store.beat({ nowMs, items: [{ id, token: `token of ${id}`, leaseMs: 60_000 }] }))
            .results,
        );
        assert.ok(result.status === "ok");
        const now = await probe.now();
        assert.ok(
          Math.abs(result.leaseUntil - now - 60_000) < FAR_MS,
          "beat counts a lease from the store's now",
        );
        const item = sampleWrite(record, { leaseMs: 90_000 });
        const written = only((await probe.store.write({ nowMs, items: [item] })).results);
        assert.ok(
          written.status === "ok" && Math.abs((written.leaseUntil ?? 0) - now - 90_000) < FAR_MS,
          "write counts a lease from the store's now",
        );
      }),

    "sweeps no lease that has not passed": (probe) =>
      forEachCaller(probe, async (nowMs, id) => {
        const { record } = await probe.processing({ id }, { token: `token of ${id}` });
        const guard = { expiredLease: record.leaseUntil ?? 0 };
        const item = sampleWrite(record, { edges: ["T7"], guard, patch: SAMPLE_END });
        refused(only((await probe.store.write({ nowMs, items: [item] })).results));
      }),

    "sweeps one that has": async (probe) => {
      await forEachCaller(probe, async (nowMs, id) => {
        const { record } = await probe.processing({ id }, { token: `token of ${id}`, leaseMs: 50 });
        await probe.after(150);
        const guard = { expiredLease: record.leaseUntil ?? 0 };
        const item = sampleWrite(record, { edges: ["T7"], guard, patch: SAMPLE_END });
        accepted(only((await probe.store.write({ nowMs, items: [item] })).results));
      });
    },

    "claims what is ready by the store's clock, and nothing else": (probe) =>
      forEachCaller(probe, async (nowMs, name) => {
        if (probe.isNoQueue) return;
        const now = await probe.now();
        const kinds = [{ kind: `kind.${name}`, leaseMs: 60_000 }];
        await probe.given(
          sampleReadyJob({ id: `${name}-ready`, kind: `kind.${name}`, readyAt: now - FAR_MS }, now),
        );
        await probe.given(
          sampleReadyJob({ id: `${name}-later`, kind: `kind.${name}`, readyAt: now + FAR_MS }, now),
        );
        const { jobs } = await probe.store.claim({ nowMs, next: sampleNext({ kinds, token: name }) });
        const { record } = only(jobs);
        assert.equal(record.id, `${name}-ready`, "what is ready is judged by the store's clock");
        assert.ok(Math.abs(record.updatedAt - now) < FAR_MS, "a claim is dated by the store's clock");
      }),

    "claims so also behind a write": (probe) =>
      forEachCaller(probe, async (nowMs, name) => {
        if (probe.isNoQueue || !probe.store.capabilities.writeThenClaim) return;
        const now = await probe.now();
        const kinds = [{ kind: `kind.${name}`, leaseMs: 60_000 }];
        for (const [id, readyAt] of Object.entries({ ready: now - FAR_MS, later: now + FAR_MS }))
          await probe.given(sampleReadyJob({ id: `${name}-${id}`, kind: `kind.${name}`, readyAt }, now));
        const thenClaim = sampleNext({ kinds, token: name });
        const { claimed = [] } = await probe.store.write({ nowMs, items: [], thenClaim });
        const { record } = only(claimed);
        assert.equal(record.id, `${name}-ready`, "what is ready is judged by the store's clock");
        assert.ok(
          Math.abs((record.leaseUntil ?? 0) - now - 60_000) < FAR_MS,
          "thenClaim counts a lease from the store's now",
        );
      }),

    "takes what is due by the store's clock, and nothing else": (probe) =>
      forEachCaller(probe, async (nowMs, name) => {
        const now = await probe.now();
        await probe.given(sampleJob({ id: `${name}-due`, wakeAt: now - FAR_MS }, now));
        await probe.given(sampleJob({ id: `${name}-later`, wakeAt: now + FAR_MS }, now));
        await probe.indexed();
        const { oldestDueAt } = await probe.store.health({ nowMs });
        assert.equal(oldestDueAt, now - FAR_MS, "health looks by the store's clock");
        const { jobs } = await probe.store.takeDue({ nowMs, limit: 9, holdMs: 30_000 });
        const { record } = only(jobs);
        assert.equal(record.id, `${name}-due`, "what is due is judged by the store's clock");
        assert.ok(
          Math.abs((record.wakeAt ?? 0) - now - 30_000) < FAR_MS,
          "a hold counts from the store's now",
        );
      }),

    "removes what is past its time by the store's clock, and nothing else": (probe) =>
      forEachCaller(probe, async (nowMs, name) => {
        const now = await probe.now();
        for (const [id, purgeAt] of [
          ["past", now - FAR_MS],
          ["later", now + FAR_MS],
        ] as const)
          await probe.given(sampleJob({ id: `${name}-${id}`, status: "FAILED", wakeAt: null, purgeAt }, now));
        await probe.indexed();
        assert.equal((await probe.store.purge({ nowMs, limit: 9, parkedBefore: 0 })).jobs, 1);
        assert.equal(await probe.find(`${name}-past`), null);
        assert.notEqual(await probe.find(`${name}-later`), null);
      }),

    "leaves a pulse by the store's clock": (probe) =>
      forEachCaller(probe, async (nowMs) => {
        await probe.store.pulse({ nowMs, unserved: 1 });
        const { lastPulseAt } = await probe.health();
        assert.ok(
          Math.abs((lastPulseAt ?? 0) - (await probe.now())) < FAR_MS,
          "a pulse is dated by the store's clock",
        );
      }),
  },
};
