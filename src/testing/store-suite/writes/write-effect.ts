import assert from "node:assert/strict";
import { decodeHistory, joinHistory } from "../../../core/job/history.js";
import { type RecordPatch, START, type StoredFailure } from "../../../core/job/record.js";
import {
  SAMPLE_END,
  sampleHistory,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed } from "../store-probe.js";

const FAILURE: StoredFailure = {
  ...{ reason: "error", message: "no", code: null, expose: false, retryable: true },
  details: { field: "email", tries: [1, null] },
};

/**
 * What a patch may set, but for the status, the version, and the claim: each of these has tests of its own. A field that is
 * missing here does not compile.
 */
type EveryField = Required<Omit<RecordPatch, "status" | "version" | "token" | "leaseUntil">>;

/** Those of them that may be empty. */
type EveryNullable = {
  [Field in keyof EveryField as null extends EveryField[Field] ? Field : never]: EveryField[Field];
};

export const writeEffectBehaviour: StoreBehaviour = {
  group: "write effect",
  tests: {
    "sets the fields of the patch and leaves every other alone": async (probe) => {
      const { record } = await probe.processing({
        id: "job-1",
        owner: "o",
        metadata: { a: 1 },
        notifiers: ["ui"],
      });
      const patch = { phase: "launching", progress: { total: 6, ready: 1 }, percent: 16.5 };
      accepted(await probe.write(sampleWrite(record, { patch })));
      assert.deepEqual((await probe.read("job-1")).record, {
        ...record,
        ...patch,
        version: record.version + 1,
      });
    },

    "sets every field that a command can change, and clears it again": async (probe) => {
      const now = await probe.now();
      const { record } = await probe.processing({ id: "job-1" });
      const full: EveryField = {
        dispatch: 3,
        send: 2,
        releases: 1,
        redrives: 1,
        attempt: 2,
        fence: 4,
        worker: "worker-2",
        phase: "converting",
        progress: { total: 6 },
        percent: 50,
        etaAt: now + 1_001,
        startedAt: now + 1,
        queuedAt: now + 2,
        updatedAt: now + 3,
        finishedAt: now + 4,
        readyAt: now + 5,
        sendAt: now + 6,
        retryAt: now + 7,
        lastError: { message: "no", code: "E_NO", expose: true, at: now, attempt: 1 },
        awaiting: {
          ref: { ids: ["i-1"] },
          refKeys: ["i-1", "i-2"],
          since: now,
          deadlineAt: now + 8,
          nextPollAt: now + 9,
          fence: 1,
          pollErrors: 1,
          cancellable: false,
          cancelSent: true,
        },
        poll: { token: "poll-1", until: now + 10 },
        cancel: { at: now, actor: "ops", reason: "why" },
        checkpoint: [1, { two: 2 }],
        failure: FAILURE,
        historyTrimmed: 5,
        wakeAt: now + 60_011,
        purgeAt: now + 60_012,
      };
      accepted(await probe.write(sampleWrite(record, { patch: full })));
      const set = (await probe.read("job-1")).record;
      assert.deepEqual(set, { ...record, ...full, version: record.version + 1 });
      const { worker, phase, progress, percent, etaAt, startedAt, queuedAt, finishedAt, readyAt, sendAt } =
        record;
      const cleared: EveryNullable = {
        ...{ worker, phase, progress, percent, etaAt, startedAt, queuedAt, finishedAt, readyAt, sendAt },
        ...{ retryAt: null, lastError: null, awaiting: null, poll: null, cancel: null, checkpoint: null },
        ...{ failure: null, wakeAt: null, purgeAt: null },
      };
      accepted(await probe.write(sampleWrite(set, { patch: cleared })));
      assert.deepEqual((await probe.read("job-1")).record, {
        ...set,
        ...cleared,
        version: record.version + 2,
      });
    },

    "appends entries behind the stored ones": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      accepted(await probe.write(sampleWrite(record, { edges: ["phase", "warning"], transitionId: "mine" })));
      const stored = (await probe.read("job-1")).record;
      const appended = sampleHistory(["phase", "warning"], {
        nowMs: record.updatedAt,
        version: record.version + 1,
        attempt: record.attempt,
        transitionId: "mine",
      });
      assert.equal(stored.history, joinHistory(record.history, appended));
      assert.deepEqual(
        decodeHistory(stored.history).map((entry) => entry.version),
        [1, 2, 3, 4, 5],
      );
    },

    "leaves the history alone where nothing is appended": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      accepted(await probe.write(sampleWrite(record, { patch: { progress: 1 } })));
      assert.equal((await probe.read("job-1")).record.history, record.history);
    },

    "appends to a history that is empty": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", history: "" }, await probe.now()));
      accepted(await probe.write(sampleWrite(record, { edges: ["T2"] })));
      assert.equal(decodeHistory((await probe.read("job-1")).record.history).length, 1);
    },

    "replaces the whole history, to trim": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const replace = sampleHistory(["T4", "phase"], { nowMs: record.updatedAt, version: 3 });
      accepted(
        await probe.write(sampleWrite(record, { edges: ["phase"], replace, patch: { historyTrimmed: 2 } })),
      );
      const stored = (await probe.read("job-1")).record;
      assert.deepEqual([stored.history, stored.historyTrimmed], [replace, 2]);
    },

    "replaces the history by none where nothing is left of it": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      accepted(await probe.write(sampleWrite(record, { replace: "", patch: { historyTrimmed: 3 } })));
      assert.equal((await probe.read("job-1")).record.history, "", "`replace`: the whole history");
    },

    "never touches the cursors": async (probe) => {
      const record = await probe.given(
        sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()),
      );
      const ui = { ...START, upTo: 2, attempts: 1, exhausted: [1] };
      await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: record.wakeAt, cursors: { ui } });
      accepted(await probe.write(sampleWrite(record, { edges: ["T3"] })));
      assert.deepEqual((await probe.read("job-1")).cursors, { ui });
    },

    "moves a job between the ready index and none": async (probe) => {
      if (probe.isNoQueue) return;
      const ready = await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
      accepted(await probe.write(sampleWrite(ready, { edges: ["T3"], patch: { readyAt: null, sendAt: 1 } })));
      assert.deepEqual(await probe.claimNext(), []);
      const pending = (await probe.read("job-1")).record;
      const back = { readyAt: ready.readyAt, sendAt: null };
      accepted(await probe.write(sampleWrite(pending, { edges: ["T2"], patch: back })));
      assert.deepEqual(
        (await probe.claimNext()).map((job) => job.record.id),
        ["job-1"],
      );
    },

    "moves a wake-up, earlier, later and away": async (probe) => {
      const now = await probe.now();
      let record = await probe.given(sampleJob({ id: "job-1", wakeAt: now + 600_000 }, now));
      for (const [wakeAt, due] of [
        [now - 5, 1],
        [now + 600_000, 0],
        [now - 7, 1],
        [null, 0],
      ] as const) {
        accepted(await probe.write(sampleWrite(record, { patch: { wakeAt } })));
        assert.deepEqual((await probe.takeDue()).length, due);
        record = (await probe.read("job-1")).record;
      }
    },

    "ends a job in one step: status, output, no claim, no wake-up": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const purgeAt = (await probe.now()) + 60_000;
      accepted(
        await probe.write(
          sampleWrite(record, { edges: ["T5"], patch: { ...SAMPLE_END, purgeAt }, output: '{"ok":1}' }),
        ),
      );
      const { record: ended, output } = await probe.read("job-1", { output: true });
      assert.deepEqual(
        [ended.status, ended.token, ended.leaseUntil, ended.wakeAt, ended.purgeAt, output],
        ["COMPLETED", null, null, null, purgeAt, '{"ok":1}'],
      );
    },

    "changes in one call what each item says, and nothing that only another says": async (probe) => {
      const now = await probe.now();
      const jobs = ["a", "b", "c"].map((id) => sampleJob({ id, phase: "before", send: 7, releases: 7 }, now));
      for (const job of jobs) await probe.given(job);
      const patches = [{ phase: "after" }, { send: 8 }, { releases: 8 }];
      const items = jobs.map((job, index) => sampleWrite(job, { patch: patches[index] ?? {} }));
      for (const result of (await probe.store.write({ ...probe.at, items })).results) accepted(result);
      for (const [index, job] of jobs.entries()) {
        assert.deepEqual((await probe.read(job.id)).record, { ...job, ...patches[index], version: 2 });
      }
    },

    "changes nothing of a job that is not named, in any call": async (probe) => {
      const now = await probe.now();
      for (const id of ["named", "other"]) await probe.given(sampleQueuedJob({ id, notifiers: ["ui"] }, now));
      const before = await probe.read("other", { input: true, output: true });
      const { record } = claimed(await probe.claim({ id: "named" }));
      accepted(await probe.beat({ id: "named", token: "token-1", leaseMs: 120_000 }));
      const ui = { ...START, upTo: 1 };
      accepted(await probe.advance({ id: "named", wakeAt: now + 1, purgeAt: now + 1, cursors: { ui } }));
      const end = { edges: ["T5"], patch: SAMPLE_END, output: '"done"' } as const;
      accepted(await probe.write(sampleWrite(record, end)));
      assert.deepEqual(await probe.read("other", { input: true, output: true }), before);
    },
  },
};
