import assert from "node:assert/strict";
import type { StoredJob } from "../../src/core/ports/store.js";
import type { Cursor } from "../../src/core/record.js";
import { sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { accepted, claimed, type StoreProbe } from "../../src/testing/store-suite/store-probe.js";

const LEASE_MS = 60_000;
const AT_MS = 1_000_000;

const idsOf = (jobs: readonly StoredJob[]): readonly string[] => jobs.map(({ record }) => record.id);

const cursorOf = (given: Partial<Cursor> = {}): Cursor => ({
  upTo: 1,
  attempts: 1,
  retryAt: null,
  exhausted: [],
  ...given,
});

const KINDS = ["kind-a", "kind-b", "kind-c"].map((kind) => ({ kind, leaseMs: LEASE_MS }));

/** Whether a plan that rests on `given` is written where `stored` is known already: wake-up, purge instant and answer. */
async function writes(probe: StoreProbe, id: string, stored: Cursor | null, given: Cursor): Promise<boolean> {
  const now = await probe.now();
  await probe.given(sampleJob({ id, wakeAt: now + 3 * AT_MS }, now));
  if (stored !== null) await probe.advance({ id, wakeAt: now + 3 * AT_MS, cursors: { ui: stored } });
  const plan = { wakeAt: now + AT_MS, purgeAt: now + 2 * AT_MS };
  const answer = await probe.advance({ id, ...plan, cursors: { ui: given } });
  const { record } = await probe.read(id);
  const isWritten = answer.status === "ok" && answer.wake === "written";
  if (answer.status === "ok" && stored === null) assert.deepEqual(answer.cursors, { ui: given });
  assert.deepEqual(
    [record.wakeAt, record.purgeAt],
    isWritten ? [plan.wakeAt, plan.purgeAt] : [now + 3 * AT_MS, null],
  );
  return isWritten;
}

/** Ties, what is empty, and several of a sort at once. */
export const edgeBehaviour: StoreBehaviour = {
  group: "at the edges",
  tests: {
    "writes the history of a claim on a job that has none": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", history: "" }, now));
      await probe.given(sampleJob({ id: "pending", history: "", sendAt: now - 1 }, now));
      for (const id of ["queued", "pending"]) {
        const { record } = claimed(await probe.claim({ id }));
        assert.equal((JSON.parse(`[${record.history}]`) as unknown[]).length, id === "queued" ? 1 : 2);
      }
    },

    "leaves to its message a PENDING job that is not to be sent": async (probe) => {
      await probe.given(sampleJob({ id: "job-1", sendAt: null }, await probe.now()));
      assert.equal((await probe.claim({ id: "job-1" })).status, "refused");
    },

    "takes a job anew by a token that was left with it, and refuses one that has ended": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", token: "token-1", fence: 4 }, now));
      await probe.given(sampleQueuedJob({ id: "ended", token: "token-1", status: "FAILED" }, now));
      assert.equal(claimed(await probe.claim({ id: "queued" })).record.fence, 5);
      assert.equal((await probe.claim({ id: "ended" })).status, "refused");
    },

    "changes in one call what each item says, and nothing that only another says": async (probe) => {
      const now = await probe.now();
      const jobs = ["job-1", "job-2", "job-3"].map((id) =>
        sampleJob({ id, phase: "before", send: 7, releases: 7 }, now),
      );
      for (const job of jobs) await probe.given(job);
      const patches = [{ phase: "after" }, { send: 8 }, { releases: 8 }];
      const items = jobs.map((job, index) => sampleWrite(job, { patch: patches[index]! }));
      const { results } = await probe.store.write({ ...probe.at, items });
      for (const result of results) accepted(result);
      for (const [index, { id }] of jobs.entries()) {
        const { phase, send, releases } = (await probe.read(id)).record;
        const expected = { phase: "before", send: 7, releases: 7, ...patches[index] };
        assert.deepEqual({ phase, send, releases }, expected);
      }
    },

    "takes of several kinds what can be claimed, whatever of another kind cannot": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const older = { kind: "kind-a", readyAt: now - 100 };
      await probe.given(sampleReadyJob({ id: "not-queued", ...older, status: "FAILED" }, now));
      await probe.given(sampleReadyJob({ id: "has-a-queue", ...older, queue: "work" }, now));
      await probe.given(sampleReadyJob({ id: "newer-format", ...older, recordVersion: 99 }, now));
      await probe.given(sampleReadyJob({ id: "later", kind: "kind-a", readyAt: now + 600_000 }, now));
      await probe.given(sampleReadyJob({ id: "ready", kind: "kind-b", readyAt: now - 1 }, now));
      assert.deepEqual(idsOf(await probe.claimNext({ kinds: KINDS, limit: 1 })), ["ready"]);
    },

    "takes the oldest of several kinds, ties by id, and no more than asked for": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const given = (id: string, kind: string, ago: number) =>
        probe.given(sampleReadyJob({ id, kind, readyAt: now - ago }, now));
      for (const [id, ago] of [
        ["a-1", 90],
        ["a-2", 80],
        ["a-3", 20],
        ["a-4", 10],
      ] as const) {
        await given(id, "kind-a", ago);
      }
      for (const [id, ago] of [
        ["b-1", 50],
        ["b-2", 40],
        ["b-3", 30],
      ] as const)
        await given(id, "kind-b", ago);
      const next = async (limit: number, token: string) =>
        idsOf(await probe.claimNext({ kinds: KINDS, limit, token }));
      assert.deepEqual(await next(2, "first"), ["a-1", "a-2"]);
      assert.deepEqual(await next(1, "second"), ["b-1"]);
      assert.deepEqual(await next(4, "third"), ["b-2", "b-3", "a-3", "a-4"]);
      for (const [id, kind] of [
        ["m-1", "kind-a"],
        ["m-9", "kind-a"],
        ["m-5", "kind-b"],
      ] as const) {
        await given(id, kind, 5);
      }
      assert.deepEqual(await next(1, "fourth"), ["m-1"]);
      assert.deepEqual(await next(1, "fifth"), ["m-5"]);
    },

    "tells the oldest of several kinds that is ready, whichever kind it is of": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const [kind, ago] of [
        ["kind-a", 1],
        ["kind-b", 9],
        ["kind-c", 2],
      ] as const) {
        await probe.given(sampleReadyJob({ id: kind, kind, readyAt: now - ago }, now));
      }
      assert.equal((await probe.health()).oldestReadyAt, now - 9);
    },

    "writes a plan where its cursor is further than the stored one, or as far": async (probe) => {
      const retryAt = AT_MS;
      const cases: readonly (readonly [Cursor | null, Cursor])[] = [
        [null, cursorOf({ upTo: 0, attempts: 0 })],
        [null, cursorOf()],
        [cursorOf(), cursorOf()],
        [cursorOf({ upTo: 1 }), cursorOf({ upTo: 2, attempts: 0 })],
        [cursorOf({ attempts: 1 }), cursorOf({ attempts: 2 })],
        [cursorOf({ retryAt }), cursorOf({ retryAt })],
        [cursorOf({ retryAt }), cursorOf({ retryAt: retryAt - 1 })],
        [cursorOf({ retryAt }), cursorOf({ retryAt: null })],
      ];
      for (const [index, [stored, given]] of cases.entries()) {
        assert.equal(
          await writes(probe, `job-${String(index)}`, stored, given),
          true,
          `case ${String(index)}`,
        );
      }
    },

    "keeps a wake-up where the stored cursor is further than the plan's": async (probe) => {
      const retryAt = AT_MS;
      const cases: readonly (readonly [Cursor, Cursor])[] = [
        [cursorOf({ upTo: 2 }), cursorOf({ upTo: 1, attempts: 5 })],
        [cursorOf({ attempts: 2 }), cursorOf({ attempts: 1 })],
        [cursorOf({ retryAt }), cursorOf({ retryAt: retryAt + 1 })],
        [cursorOf({ retryAt: null }), cursorOf({ retryAt })],
      ];
      for (const [index, [stored, given]] of cases.entries()) {
        assert.equal(
          await writes(probe, `job-${String(index)}`, stored, given),
          false,
          `case ${String(index)}`,
        );
      }
    },

    "filters what is undeliverable by all that is asked for": async (probe) => {
      const now = await probe.now();
      const all = { owner: "ann", subject: "plan-1", kind: "mine" };
      await probe.given(sampleJob({ id: "all", ...all }, now));
      await probe.given(sampleJob({ id: "other-owner", ...all, owner: "bob" }, now));
      await probe.given(sampleJob({ id: "other-subject", ...all, subject: "plan-2" }, now));
      await probe.given(sampleJob({ id: "other-kind", ...all, kind: "other" }, now));
      await probe.given(sampleJob({ id: "delivered", ...all }, now));
      for (const id of ["all", "other-owner", "other-subject", "other-kind"]) {
        await probe.advance({ id, cursors: { ui: cursorOf({ exhausted: [1] }) } });
      }
      const listed = async (given: Parameters<typeof probe.list>[0]) =>
        [...idsOf((await probe.list({ undeliverable: true, ...given })).jobs)].sort();
      assert.deepEqual(await listed({ owner: "ann" }), ["all", "other-kind", "other-subject"]);
      assert.deepEqual(await listed({ subject: "plan-1" }), ["all", "other-kind", "other-owner"]);
      assert.deepEqual(await listed({ kinds: ["mine"] }), ["all", "other-owner", "other-subject"]);
      assert.deepEqual(await listed({ owner: "ann", subject: "plan-1", kinds: ["mine"] }), ["all"]);
    },

    "lists and finds in one order where jobs are of one instant": async (probe) => {
      const now = await probe.now();
      const refKeys = ["ref-1"];
      const ids = Array.from({ length: 12 }, (_, index) => `job-${String(index + 10)}`);
      for (const id of [...ids].reverse())
        await probe.given(sampleJob({ id, createdAt: now, subject: id }, now));
      const seen: string[] = [];
      let after: { readonly createdAt: number; readonly id: string } | null = null;
      do {
        const page = await probe.list({ statuses: ["PENDING"], limit: 5, ...(after !== null && { after }) });
        seen.push(...idsOf(page.jobs));
        after = page.next;
      } while (after !== null);
      assert.deepEqual(seen, [...ids].reverse());
      for (const id of ids) {
        const { record } = await probe.read(id);
        accepted(await probe.write(sampleWrite(record, { patch: { awaiting: awaitingOf(refKeys, now) } })));
      }
      const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey: "ref-1" });
      assert.deepEqual(idsOf(jobs), [...ids].reverse().slice(0, 10));
    },
  },
};

function awaitingOf(refKeys: readonly string[], now: number) {
  return {
    ref: refKeys,
    refKeys,
    since: now,
    deadlineAt: now + AT_MS,
    nextPollAt: now + AT_MS,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
}
