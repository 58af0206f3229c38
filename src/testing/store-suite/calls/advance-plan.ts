import assert from "node:assert/strict";
import type { AdvanceItem, AdvanceResult } from "../../../core/ports/store.js";
import { type Cursor, START } from "../../../core/job/record.js";
import { sampleJob } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { present, type StoreProbe } from "../store-probe.js";

const SOON_MS = 1_000_000;
const FAR_MS = 3 * SOON_MS;

function cursorOf(given: Partial<Cursor> = {}): Cursor {
  return { ...START, upTo: 1, attempts: 1, ...given };
}

/** Whether a plan that rests on `given` is written where `stored` is known already: wake-up and purge instant, or neither. */
async function isWritten(
  probe: StoreProbe,
  id: string,
  stored: Cursor | null,
  given: Cursor,
): Promise<boolean> {
  const now = await probe.now();
  const wakeAt = now + FAR_MS;
  await probe.given(sampleJob({ id, notifiers: ["ui"], wakeAt }, now));
  if (stored !== null) await probe.advance({ id, wakeAt, cursors: { ui: stored } });
  const plan = { wakeAt: now + SOON_MS, purgeAt: now + 2 * SOON_MS };
  const answer = await probe.advance({ id, ...plan, cursors: { ui: given } });
  const { record, cursors } = await probe.read(id);
  const written = answer.status === "ok" && answer.wake === "written";
  if (written) assert.deepEqual([answer.cursors, cursors], [{ ui: given }, { ui: given }]);
  assert.deepEqual(
    [record.wakeAt, record.purgeAt],
    written ? [plan.wakeAt, plan.purgeAt] : [now + FAR_MS, null],
  );
  return written;
}

/** Plans of another version than the stored one, in one call. */
async function adviseAll(
  probe: StoreProbe,
  items: readonly Pick<AdvanceItem, "id" | "latestWakeAt">[],
): Promise<readonly AdvanceResult[]> {
  const plannedOn = { status: "PENDING" as const, version: 99, token: null };
  const plan = { plannedOn, wakeAt: null, purgeAt: null, cursors: {} };
  const { results } = await probe.store.advance({
    ...probe.at,
    items: items.map((item) => ({ ...plan, ...item })),
  });
  return results;
}

export const advancePlanBehaviour: StoreBehaviour = {
  group: "advance, a plan",
  tests: {
    "is written where its cursor is further than the stored one, or as far": async (probe) => {
      const retryAt = SOON_MS;
      const cases: readonly (readonly [Cursor | null, Cursor])[] = [
        [null, cursorOf({ upTo: 0, attempts: 0 })],
        [null, cursorOf()],
        [cursorOf(), cursorOf()],
        [cursorOf({ upTo: 1 }), cursorOf({ upTo: 2, attempts: 0 })],
        [cursorOf({ attempts: 1 }), cursorOf({ attempts: 2 })],
        [cursorOf({ retryAt }), cursorOf({ retryAt })],
      ];
      for (const [index, [stored, given]] of cases.entries()) {
        const name = `case ${String(index)}`;
        assert.equal(await isWritten(probe, `job-${String(index)}`, stored, given), true, name);
      }
    },

    "is written where its cursor would be tried again earlier than the stored one": async (probe) => {
      const now = await probe.now();
      const stored = cursorOf({ retryAt: SOON_MS });
      const wakeAt = now + FAR_MS;
      for (const [index, retryAt] of [SOON_MS - 1, null].entries()) {
        const id = `job-${String(index)}`;
        await probe.given(sampleJob({ id, notifiers: ["ui"], wakeAt }, now));
        await probe.advance({ id, wakeAt, cursors: { ui: stored } });
        const answer = await probe.advance({ id, wakeAt: now, cursors: { ui: cursorOf({ retryAt }) } });
        // As many attempts at one place: the first stays, and the plan does not wait for it.
        assert.deepEqual(answer, { status: "ok", wake: "written", cursors: { ui: stored } });
        assert.equal((await probe.read(id)).record.wakeAt, now);
      }
    },

    "is not written where the stored cursor is further": async (probe) => {
      const retryAt = SOON_MS;
      const cases: readonly (readonly [Cursor | null, Cursor])[] = [
        [cursorOf({ upTo: 2 }), cursorOf({ upTo: 1, attempts: 5 })],
        [cursorOf({ attempts: 2 }), cursorOf({ attempts: 1 })],
        [cursorOf({ retryAt }), cursorOf({ retryAt: retryAt + 1 })],
        [cursorOf({ retryAt: null }), cursorOf({ retryAt })],
        [null, cursorOf({ upTo: 0, attempts: 0, retryAt })],
      ];
      for (const [index, [stored, given]] of cases.entries()) {
        const name = `case ${String(index)}`;
        assert.equal(await isWritten(probe, `job-${String(index)}`, stored, given), false, name);
      }
    },

    "brings forward the wake-up of its own job where it is not written, and no other": async (probe) => {
      const now = await probe.now();
      for (const id of ["named", "other"]) await probe.given(sampleJob({ id, wakeAt: now + FAR_MS }, now));
      const [result] = await adviseAll(probe, [{ id: "named", latestWakeAt: now + SOON_MS }]);
      // An engine that cannot write a part of it may refuse the whole.
      const expected = present(result).status === "ok" ? now + SOON_MS : now + FAR_MS;
      assert.equal((await probe.read("named")).record.wakeAt, expected);
      assert.equal((await probe.read("other")).record.wakeAt, now + FAR_MS);
    },

    "brings forward every wake-up of a call, each to its own instant": async (probe) => {
      const now = await probe.now();
      const ids = ["a", "b", "c"];
      for (const id of ids) await probe.given(sampleJob({ id, wakeAt: now + FAR_MS }, now));
      const items = ids.map((id, index) => ({ id, latestWakeAt: now + (index + 1) * 1_000 }));
      const results = await adviseAll(probe, items);
      for (const [index, { id, latestWakeAt }] of items.entries()) {
        const expected = present(results[index]).status === "ok" ? latestWakeAt : now + FAR_MS;
        assert.equal((await probe.read(id)).record.wakeAt, expected);
      }
    },
  },
};
