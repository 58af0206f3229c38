import assert from "node:assert/strict";
import { sampleJob, sampleOwnJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, only } from "../store-probe.js";
import { RECORD_VERSION, START } from "../../../core/job/record.js";

export const takeDueBehaviour: StoreBehaviour = {
  group: "take due",
  tests: {
    "takes what is due, postpones it by the hold, and changes nothing else": async (probe) => {
      const now = await probe.now();
      const given = await probe.given(sampleJob({ id: "job-1", wakeAt: now - 5, notifiers: ["ui"] }, now));
      const from = await probe.now();
      const { record, cursors, dueAt } = only(await probe.takeDue({ holdMs: 30_000 }));
      const to = await probe.now();
      assert.deepEqual([dueAt, cursors], [now - 5, {}]);
      const stored = (await probe.read("job-1")).record;
      const wakeAt = stored.wakeAt ?? 0;
      assert.ok(wakeAt >= from + 30_000 && wakeAt <= to + 30_000, "postponed, by the store's clock");
      assert.deepEqual(stored, { ...given, wakeAt });
      assert.deepEqual({ ...record, wakeAt }, stored);
    },

    "tells when the next is due, where it tells that at all": async (probe) => {
      const now = await probe.now();
      const none = await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 });
      if (probe.doesNotApply(none.nextDueAt === undefined, "the store does not tell")) return;
      assert.equal(none.nextDueAt, null);
      for (const [id, wakeAt] of Object.entries({ due: now - 5, soon: now + 20_000, later: now + 25_000 }))
        await probe.given(sampleJob({ id, wakeAt }, now));
      const { jobs, nextDueAt } = await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 });
      assert.deepEqual([jobs.map(({ record }) => record.id), nextDueAt], [["due"], now + 20_000]);
    },

    "tells of none as next that is due already": async (probe) => {
      const now = await probe.now();
      for (const [id, wakeAt] of Object.entries({ due: now - 5, "due-too": now - 4, soon: now + 20_000 }))
        await probe.given(sampleJob({ id, wakeAt }, now));
      await probe.indexed();
      const { jobs, nextDueAt } = await probe.store.takeDue({ ...probe.at, limit: 1, holdMs: 30_000 });
      assert.deepEqual(
        jobs.map(({ record }) => record.id),
        ["due"],
      );
      assert.ok(
        nextDueAt === undefined || nextDueAt === now + 20_000,
        "the next that is not due yet, or not told",
      );
    },

    "answers the cursors with what is due": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", notifiers: ["ui"] }, now));
      const ui = { ...START, upTo: 1, attempts: 2, retryAt: now - 1, exhausted: [1] };
      accepted(await probe.advance({ id: "job-1", wakeAt: now - 1, cursors: { ui } }));
      const { record, cursors } = only(await probe.takeDue());
      assert.deepEqual([record.id, cursors], ["job-1", { ui }]);
    },

    "leaves what is not due, and what has no wake-up": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "later", wakeAt: now + 600_000 }, now));
      await probe.given(sampleReadyJob({ id: "none" }, now));
      assert.deepEqual(await probe.takeDue(), []);
      assert.equal((await probe.read("none")).record.wakeAt, null);
    },

    "takes a job at the very instant of its wake-up, and not before": async (probe) => {
      if (probe.doesNotApply(probe.hasServerClock, "a server's clock cannot be stopped at an instant"))
        return;
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", wakeAt: now + 1 }, now));
      assert.deepEqual(await probe.takeDue(), []);
      assert.equal((await probe.health()).oldestDueAt, null);
      await probe.after(1);
      assert.equal((await probe.health()).oldestDueAt, now + 1);
      assert.equal(only(await probe.takeDue()).dueAt, now + 1);
    },

    "takes the oldest first, ties by id, up to the limit": async (probe) => {
      const now = await probe.now();
      for (const [id, ago] of [
        ["c", 1],
        ["b", 1],
        ["z", 3],
        ["a", 1],
        ["d", 2],
      ] as const) {
        await probe.given(sampleJob({ id, wakeAt: now - ago }, now));
      }
      const first = await probe.takeDue({ limit: 3 });
      assert.deepEqual(
        first.map((job) => [job.record.id, job.dueAt]),
        [
          ["z", now - 3],
          ["d", now - 2],
          ["a", now - 1],
        ],
      );
      assert.deepEqual(
        (await probe.takeDue({ limit: 3 })).map((job) => job.record.id),
        ["b", "c"],
      );
    },

    "orders instants as numbers, however long they are": async (probe) => {
      const now = await probe.now();
      for (const wakeAt of [10, 9, 1_000, 100])
        await probe.given(sampleJob({ id: `at-${String(wakeAt)}`, wakeAt }, now));
      const due = [...(await probe.takeDue({ limit: 2 })), ...(await probe.takeDue({ limit: 2 }))];
      assert.deepEqual(
        due.map((job) => [job.record.id, job.dueAt]),
        [9, 10, 100, 1_000].map((at) => [`at-${String(at)}`, at]),
      );
    },

    "gives a job again only when its hold has passed": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", wakeAt: now - 1 }, now));
      const first = only(await probe.takeDue({ holdMs: 1_000 }));
      assert.deepEqual(await probe.takeDue({ holdMs: 1_000 }), []);
      await probe.after(1_200);
      const second = only(await probe.takeDue({ holdMs: 1_000 }));
      assert.equal(second.record.id, first.record.id);
      assert.ok(second.dueAt > first.dueAt);
    },

    "pages on behind a place, through ties": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c", "d"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
      await probe.given(sampleJob({ id: "e", wakeAt: now - 2 }, now));
      const after = { wakeAt: now - 1, id: "b" };
      assert.deepEqual(
        (await probe.takeDue({ after, limit: 1 })).map((job) => job.record.id),
        ["c"],
      );
      const next = { wakeAt: now - 1, id: "c" };
      assert.deepEqual(
        (await probe.takeDue({ after: next })).map((job) => job.record.id),
        ["d"],
      );
      assert.deepEqual(
        (await probe.takeDue()).map((job) => job.record.id),
        ["e", "a", "b"],
      );
    },

    "leaves the guard of a running change standing": async (probe) => {
      const now = await probe.now();
      const { record } = await probe.processing({ id: "job-1", deadlineAt: now - 1 });
      assert.equal((await probe.takeDue()).length, 1);
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"] })));
    },

    "finds a job until a write or an advance clears its wake-up": async (probe) => {
      const now = await probe.now();
      for (const id of ["written", "advanced"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
      for (let pass = 0; pass < 3; pass += 1) {
        assert.equal((await probe.takeDue({ holdMs: 50 })).length, 2);
        await probe.after(100);
      }
      const { record } = await probe.read("written");
      accepted(await probe.write(sampleWrite(record, { patch: { wakeAt: null } })));
      accepted(await probe.advance({ id: "advanced", ifVersion: 1, wakeAt: null }));
      assert.deepEqual(await probe.takeDue(), []);
    },

    "takes whatever is due, in every status and by whoever's format": async (probe) => {
      const now = await probe.now();
      const wakeAt = now - 1;
      const ids = ["awaiting", "failed", "newer-format", "own", "pending", "processing", "queued", "ready"];
      await probe.awaiting({ id: "awaiting" });
      await probe.processing({ id: "processing" });
      for (const id of ["awaiting", "processing"]) accepted(await probe.advance({ id, wakeAt }));
      await probe.given(sampleJob({ id: "failed", status: "FAILED", wakeAt }, now));
      await probe.given(sampleJob({ id: "newer-format", recordVersion: RECORD_VERSION + 1, wakeAt }, now));
      await probe.given(sampleOwnJob({ id: "own", wakeAt }, now));
      await probe.given(sampleJob({ id: "pending", wakeAt }, now));
      await probe.given(sampleQueuedJob({ id: "queued", wakeAt }, now));
      await probe.given(sampleReadyJob({ id: "ready", wakeAt }, now));
      assert.deepEqual(
        (await probe.takeDue()).map(({ record }) => record.id),
        ids,
        '"The records whose wake-up has come": nothing else is asked of them',
      );
    },

    "goes on behind a place whose job has moved, as every job that was taken has": async (probe) => {
      const now = await probe.now();
      for (const [index, id] of ["a", "b", "c", "d"].entries())
        await probe.given(sampleJob({ id, wakeAt: now - 10 + index }, now));
      const [first, second] = await probe.takeDue({ limit: 2 });
      assert.deepEqual([first?.record.id, second?.dueAt], ["a", now - 9]);
      const rest = await probe.takeDue({ limit: 2, after: { wakeAt: now - 9, id: "b" } });
      assert.deepEqual(
        rest.map(({ record }) => record.id),
        ["c", "d"],
        "only what lies behind this place of (wakeAt, id)",
      );
    },

    "finds a final job that still has somebody to tell": async (probe) => {
      const { record } = await probe.processing({ id: "job-1", notifiers: ["ui"] });
      const patch = { token: null, leaseUntil: null, wakeAt: (await probe.now()) - 1 };
      accepted(await probe.write(sampleWrite(record, { edges: ["T6"], patch })));
      assert.equal(only(await probe.takeDue()).record.status, "FAILED");
    },
  },
};
