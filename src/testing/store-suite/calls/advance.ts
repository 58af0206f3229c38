import assert from "node:assert/strict";
import { type Cursor, START } from "../../../core/job/record.js";
import { sampleJob, sampleQueuedJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, NEVER, type StoreProbe } from "../store-probe.js";

function cursor(upTo: number, attempts = 0, given: Partial<Cursor> = {}): Cursor {
  return { ...START, upTo, attempts, ...given };
}

/** Moves one cursor of a job at version 2 and answers what is stored. */
async function moved(probe: StoreProbe, ui: Cursor): Promise<Cursor | undefined> {
  const { record } = await probe.read("job-1");
  const result = await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: record.wakeAt, cursors: { ui } });
  assert.equal(result.status, "ok");
  const { cursors } = await probe.read("job-1");
  assert.deepEqual(result.cursors, cursors);
  return cursors["ui"];
}

export const advanceBehaviour: StoreBehaviour = {
  group: "advance",
  tests: {
    "moves cursors, and writes wake-up and purge instant at the version that they are for": async (probe) => {
      const now = await probe.now();
      const given = await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui", "billing"] }, now));
      const failing = { since: now - 9_000, retryAt: now + 7_000, reason: "503 at 10 %", exhausted: [1] };
      const cursors = { ui: cursor(2), billing: cursor(1, 3, failing) };
      const item = { id: "job-1", ifVersion: 2, wakeAt: now + 7_000, purgeAt: now + 9_000, cursors };
      assert.deepEqual(await probe.advance(item), { status: "ok", wake: "written", cursors });
      const stored = await probe.read("job-1");
      assert.deepEqual(stored.record, { ...given, wakeAt: now + 7_000, purgeAt: now + 9_000 });
      assert.deepEqual(stored.cursors, cursors);
    },

    "lets the higher place win, at one place the more attempts": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      const failed = cursor(1, 2, { retryAt: 99 });
      assert.deepEqual(await moved(probe, cursor(1)), cursor(1));
      assert.deepEqual(await moved(probe, failed), failed);
      assert.deepEqual(await moved(probe, cursor(1, 1, { retryAt: 11 })), failed, "fewer attempts");
      assert.deepEqual(
        await moved(probe, cursor(1, 2, { retryAt: 22 })),
        failed,
        "as many attempts: the first stays",
      );
      assert.deepEqual(await moved(probe, cursor(0, 9)), failed, "a lower place");
      assert.deepEqual(await moved(probe, cursor(2)), cursor(2), "a higher place, whatever the attempts");
      assert.deepEqual(await moved(probe, cursor(1, 30, { exhausted: [1] })), cursor(2), "never back");
    },

    "keeps of a wait that used nothing up the new instant and the reason": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      const failed = cursor(1, 1, { since: 55, retryAt: 99, reason: "busy" });
      assert.deepEqual(await moved(probe, failed), failed);
      const held = cursor(1, 2, { since: 55, retryAt: 999, reason: "" });
      assert.deepEqual(await moved(probe, held), held);
      // Delivered after all by hand: one attempt more takes it off the list.
      const listed = cursor(2, 0, { reason: "gone", exhausted: [1, 2] });
      assert.deepEqual(await moved(probe, listed), listed);
      const delivered = cursor(2, 1, { reason: "gone", exhausted: [2] });
      assert.deepEqual(await moved(probe, delivered), delivered);
      const settled = cursor(2, 2);
      assert.deepEqual(await moved(probe, settled), settled);
      assert.equal((await probe.health()).undeliverable, 0);
    },

    "keeps the cursors of other names": async (probe) => {
      const given = await probe.given(
        sampleQueuedJob({ id: "job-1", notifiers: ["ui", "billing"] }, await probe.now()),
      );
      const { wakeAt } = given;
      accepted(await probe.advance({ id: "job-1", ifVersion: 2, wakeAt, cursors: { ui: cursor(2) } }));
      const result = await probe.advance({
        id: "job-1",
        ifVersion: 2,
        wakeAt,
        cursors: { billing: cursor(1) },
      });
      assert.deepEqual(result, {
        status: "ok",
        wake: "written",
        cursors: { ui: cursor(2), billing: cursor(1) },
      });
      assert.deepEqual((await probe.read("job-1")).cursors, { ui: cursor(2), billing: cursor(1) });
    },

    "keeps wake-up and purge instant at any other version, lower or higher": async (probe) => {
      const given = await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      for (const [ifVersion, upTo] of [
        [1, 1],
        [3, 2],
      ] as const) {
        const cursors = { ui: cursor(upTo) };
        const before = await probe.read("job-1");
        const result = await probe.advance({ id: "job-1", ifVersion, wakeAt: 1, purgeAt: 2, cursors });
        const after = await probe.read("job-1");
        assert.deepEqual(after.record, given);
        if (result.status === "ok") {
          assert.deepEqual(result, { status: "ok", wake: "kept", cursors });
          assert.deepEqual(after.cursors, cursors);
        } else {
          assert.deepEqual(result, { status: "refused", cursors: before.cursors });
          assert.deepEqual(after.cursors, before.cursors);
        }
      }
      assert.deepEqual(await probe.takeDue(), []);
    },

    "keeps them where the version was another record's, in a store that had lost it": async (probe) => {
      const { record: given } = await probe.processing({ id: "job-1", notifiers: ["ui"] });
      const { status, version, token } = given;
      const lost = [
        { status: "COMPLETED" as const, version, token },
        { status, version, token: "token-2" },
        { status, version, token: null },
      ];
      for (const plannedOn of lost) {
        const plan = { id: "job-1", plannedOn, wakeAt: null, purgeAt: 2, cursors: { ui: cursor(version) } };
        const result = await probe.advance(plan);
        if (result.status === "ok") assert.equal(result.wake, "kept");
        assert.deepEqual((await probe.read("job-1")).record, given);
      }
    },

    "keeps the wake-up where another relay is further, and brings a later one forward": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui", "billing"] }, now));
      const ahead = { ui: cursor(1, 2, { retryAt: now + 9_000 }), billing: cursor(2) };
      const plan = { id: "job-1", ifVersion: 2, latestWakeAt: now + 5_000 };
      accepted(await probe.advance({ ...plan, wakeAt: now + 9_000, cursors: ahead }));
      const stale = [
        { ui: cursor(0, 9) },
        { ui: cursor(1, 1), billing: cursor(2) },
        { billing: cursor(1, 7) },
      ];
      for (const cursors of stale) {
        const result = await probe.advance({ ...plan, wakeAt: now + 60_000, purgeAt: 7, cursors });
        // An engine that cannot write a part of it may refuse the whole.
        if (result.status !== "refused")
          assert.deepEqual(result, { status: "ok", wake: "kept", cursors: ahead });
        const { record } = await probe.read("job-1");
        const kept = result.status === "refused" ? now + 9_000 : now + 5_000;
        assert.deepEqual([record.wakeAt, record.purgeAt], [kept, null]);
      }
    },

    "never puts a wake-up off where it does not write it": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"], wakeAt: now + 1_000 }, now));
      const late = {
        id: "job-1",
        ifVersion: 1,
        wakeAt: null,
        latestWakeAt: now + 5_000,
        cursors: { ui: cursor(1) },
      };
      await probe.advance(late);
      assert.equal((await probe.read("job-1")).record.wakeAt, now + 1_000);
    },

    "gives no wake-up to a record that has none, where it does not write it": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"], wakeAt: null }, now));
      await probe.advance({
        id: "job-1",
        ifVersion: 1,
        wakeAt: now,
        latestWakeAt: now,
        cursors: { ui: cursor(1) },
      });
      assert.equal((await probe.read("job-1")).record.wakeAt, null);
    },

    "leaves version, document and guards as they are": async (probe) => {
      const { record } = await probe.processing({ id: "job-1", notifiers: ["ui"] });
      const { version, wakeAt } = record;
      accepted(
        await probe.advance({ id: "job-1", ifVersion: version, wakeAt, cursors: { ui: cursor(version) } }),
      );
      assert.deepEqual((await probe.read("job-1")).record, record);
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"] })));
      assert.deepEqual((await probe.read("job-1")).cursors, { ui: cursor(version) });
    },

    "writes only the wake-up where no cursor is named": async (probe) => {
      const now = await probe.now();
      const given = await probe.given(sampleQueuedJob({ id: "job-1" }, now));
      const result = await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: now - 1 });
      assert.deepEqual(result, { status: "ok", wake: "written", cursors: {} });
      assert.deepEqual((await probe.read("job-1")).record, { ...given, wakeAt: now - 1 });
      assert.equal((await probe.takeDue()).length, 1);
    },

    "may be said twice": async (probe) => {
      const given = await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      const item = { id: "job-1", ifVersion: 2, wakeAt: given.wakeAt, cursors: { ui: cursor(2) } };
      const first = await probe.advance(item);
      assert.deepEqual(await probe.advance(item), first);
      assert.deepEqual((await probe.read("job-1")).cursors, { ui: cursor(2) });
    },

    "loses no cursor and no change when both race": async (probe) => {
      const given = await probe.given(
        sampleJob({ id: "job-1", notifiers: ["a", "b", "c"] }, await probe.now()),
      );
      const advances = ["a", "b", "c"].map((name) =>
        probe.advance({ id: "job-1", ifVersion: 1, wakeAt: given.wakeAt, cursors: { [name]: cursor(1) } }),
      );
      const [written, ...moved] = await Promise.all([
        probe.write(sampleWrite(given, { edges: ["T2"], patch: { wakeAt: 77 } })),
        ...advances,
      ]);
      accepted(written);
      const { record, cursors } = await probe.read("job-1");
      assert.deepEqual([record.status, record.version], ["QUEUED", 2]);
      assert.equal(record.wakeAt, 77, "the wake-up of the newer version stays");
      const kept = ["a", "b", "c"].filter((_, index) => moved[index]?.status === "ok");
      assert.deepEqual(Object.keys(cursors).sort(), kept);
    },

    "shows what a notifier gave up in list and health": async (probe) => {
      const now = await probe.now();
      for (const id of ["fine", "given-up"])
        await probe.given(sampleQueuedJob({ id, notifiers: ["ui"] }, now));
      assert.equal((await probe.health()).undeliverable, 0);
      accepted(await probe.advance({ id: "fine", ifVersion: 2, cursors: { ui: cursor(2) } }));
      accepted(
        await probe.advance({
          id: "given-up",
          ifVersion: 2,
          cursors: { ui: cursor(1, 0, { exhausted: [1] }) },
        }),
      );
      const { jobs } = await probe.list({ undeliverable: true });
      assert.deepEqual(
        jobs.map((job) => [job.record.id, job.cursors["ui"]?.exhausted]),
        [["given-up", [1]]],
      );
      assert.equal((await probe.health()).undeliverable, 1);
      // Another entry given up does not count the job twice.
      accepted(
        await probe.advance({
          id: "given-up",
          ifVersion: 2,
          cursors: { ui: cursor(2, 0, { exhausted: [1, 2] }) },
        }),
      );
      assert.equal((await probe.health()).undeliverable, 1);
    },

    "shows no longer what was delivered after all": async (probe) => {
      const now = await probe.now();
      for (const id of ["after-all", "given-up"]) {
        await probe.given(sampleQueuedJob({ id, notifiers: ["ui"] }, now));
        accepted(await probe.advance({ id, cursors: { ui: cursor(1, 3, { exhausted: [1] }) } }));
      }
      accepted(await probe.advance({ id: "after-all", cursors: { ui: cursor(2) } }));
      assert.deepEqual(
        (await probe.list({ undeliverable: true })).jobs.map((job) => job.record.id),
        ["given-up"],
      );
      assert.equal((await probe.health()).undeliverable, 1);
    },

    "tells of a job that does not exist, item by item": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1" }, await probe.now()));
      const plannedOn = { status: "QUEUED" as const, version: 2, token: null };
      const item = { plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: NEVER, cursors: {} };
      const items = [
        { ...item, id: "nobody" },
        { ...item, id: "job-1" },
      ];
      const { results } = await probe.store.advance({ ...probe.at, items });
      assert.deepEqual(results, [{ status: "gone" }, { status: "ok", wake: "written", cursors: {} }]);
    },

    "moves every job of a call, each by what its own item says": async (probe) => {
      const now = await probe.now();
      const ids = ["a", "b", "c"];
      for (const id of ids) await probe.given(sampleQueuedJob({ id, notifiers: ["ui"] }, now));
      const plannedOn = { status: "QUEUED" as const, version: 2, token: null };
      const items = ids.map((id, index) => ({
        id,
        plannedOn,
        wakeAt: now + 1_000 + index,
        purgeAt: now + 2_000 + index,
        latestWakeAt: NEVER,
        cursors: { ui: cursor(index + 1, index) },
      }));
      for (const result of (await probe.store.advance({ ...probe.at, items })).results) accepted(result);
      for (const [index, id] of ids.entries()) {
        const { record, cursors } = await probe.read(id);
        assert.deepEqual([record.wakeAt, record.purgeAt], [now + 1_000 + index, now + 2_000 + index]);
        assert.deepEqual(cursors, { ui: cursor(index + 1, index) });
      }
    },
  },
};
