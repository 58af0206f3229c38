import assert from "node:assert/strict";
import { decodeHistory, type HistoryEntry } from "../../../core/job/history.js";
import type { StoredJob } from "../../../core/ports/store.js";
import { RECORD_VERSION, START } from "../../../core/job/record.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleOwnJob,
  sampleQueuedJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, present, refused, type StoreProbe } from "../store-probe.js";

/** What a claim makes of a record, with the instant that the store gave it. */
function claimedFrom(
  before: StoredJob["record"],
  after: StoredJob["record"],
  entries: number,
): StoredJob["record"] {
  const at = after.updatedAt;
  return {
    ...before,
    status: "PROCESSING",
    version: before.version + entries,
    fence: before.fence + 1,
    attempt: before.attempt + 1,
    token: "token-1",
    worker: "worker-1",
    leaseUntil: at + 60_000,
    startedAt: before.startedAt ?? at,
    queuedAt: before.queuedAt ?? at,
    readyAt: null,
    sendAt: null,
    retryAt: null,
    updatedAt: at,
    wakeAt: at + 60_000,
    history: after.history,
  };
}

function tail(job: StoredJob, count: number): readonly HistoryEntry[] {
  return decodeHistory(job.record.history).slice(-count);
}

/** The claim is refused, answers what is stored, and changes nothing. */
async function isRefused(
  probe: StoreProbe,
  claim: Parameters<StoreProbe["claim"]>[0],
  recordVersion = RECORD_VERSION,
) {
  const before = await probe.read(claim.id);
  const job = refused(await probe.claim(claim, sampleTerms({ recordVersion })));
  assert.deepEqual([job.record, job.cursors], [before.record, before.cursors]);
  assert.deepEqual(await probe.read(claim.id), before);
}

export const claimByMessageBehaviour: StoreBehaviour = {
  group: "claim by message",
  tests: {
    "takes a QUEUED job with one entry, and answers it with its input": async (probe) => {
      const record = await probe.given(
        sampleQueuedJob({ id: "job-1", fence: 4 }, await probe.now()),
        '{"a":1}',
      );
      await probe.after(20);
      const from = await probe.now();
      const job = claimed(await probe.claim({ id: "job-1" }));
      const to = await probe.now();
      assert.equal(job.input, '{"a":1}');
      assert.deepEqual(job.record, claimedFrom(record, job.record, 1));
      assert.ok(job.record.updatedAt >= from && job.record.updatedAt <= to, "by the store's clock");
      const entries = decodeHistory(job.record.history);
      assert.deepEqual(entries.slice(0, 2), decodeHistory(record.history));
      assert.deepEqual(entries[2], {
        version: 3,
        edge: "T4",
        at: job.record.updatedAt,
        attempt: 1,
        transitionId: "sample-claim",
        actor: "worker-1",
        reason: null,
        text: null,
        expose: false,
      });
      const stored = await probe.read("job-1");
      assert.deepEqual([stored.record, stored.cursors], [job.record, job.cursors]);
    },

    "takes a PENDING job with two entries, each with its own version": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", attempt: 1 }, await probe.now()));
      const job = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual(job.record, claimedFrom(record, job.record, 2));
      assert.deepEqual(
        tail(job, 2).map((entry) => [entry.version, entry.edge, entry.attempt, entry.at]),
        [
          [2, "T2", 1, job.record.updatedAt],
          [3, "T4", 2, job.record.updatedAt],
        ],
      );
    },

    "takes a job that the application hands over itself, also after a retry, and only from then on": async (
      probe,
    ) => {
      const now = await probe.now();
      const record = await probe.given(sampleOwnJob({ id: "job-1" }, now));
      const job = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual(job.record, claimedFrom(record, job.record, 2));
      assert.deepEqual(
        tail(job, 2).map(({ edge }) => edge),
        ["T2", "T4"],
      );
      await probe.given(sampleOwnJob({ id: "retried", dispatch: 2, attempt: 1, sendAt: now - 1 }, now));
      assert.equal(claimed(await probe.claim({ id: "retried", dispatch: 2 })).record.attempt, 2);
      await probe.given(sampleOwnJob({ id: "later", sendAt: now + 600_000 }, now));
      await isRefused(probe, { id: "later" });
      await probe.given(sampleOwnJob({ id: "other", dispatch: 2 }, now));
      await isRefused(probe, { id: "other", dispatch: 1 });
    },

    "begins the history of a job that has none": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", history: "" }, now));
      await probe.given(sampleJob({ id: "pending", history: "" }, now));
      for (const [id, edges] of [
        ["queued", ["T4"]],
        ["pending", ["T2", "T4"]],
      ] as const) {
        const { record } = claimed(await probe.claim({ id }));
        assert.deepEqual(
          decodeHistory(record.history).map((entry) => entry.edge),
          edges,
        );
      }
    },

    "keeps when it was first queued and first started": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", queuedAt: now - 20, startedAt: now - 10 }, now));
      const { record } = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual([record.queuedAt, record.startedAt], [now - 20, now - 10]);
    },

    "clears when it would be sent or tried again": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", sendAt: now + 600_000, retryAt: now - 1 }, now));
      const { record } = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual([record.sendAt, record.retryAt, record.readyAt], [null, null, null]);
    },

    "wakes at the lease": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 90_000 });
      assert.deepEqual(
        [record.leaseUntil, record.wakeAt],
        [record.updatedAt + 90_000, record.updatedAt + 90_000],
      );
    },

    "wakes at the deadline where it comes before the lease": async (probe) => {
      const deadlineAt = (await probe.now()) + 40_000;
      const { record } = await probe.processing({ id: "job-1", deadlineAt, notifiers: [] });
      assert.equal(record.wakeAt, deadlineAt);
    },

    "wakes for its notifiers after their grace": async (probe) => {
      const { record } = await probe.processing({ id: "job-1", notifiers: ["ui"] });
      assert.equal(record.wakeAt, record.updatedAt + 5_000);
    },

    "wakes at the lease where the deadline is later": async (probe) => {
      const deadlineAt = (await probe.now()) + 3_600_000;
      const { record } = await probe.processing({ id: "job-1", deadlineAt });
      assert.equal(record.wakeAt, record.leaseUntil);
    },

    "wakes at the lease where deadline and grace are later": async (probe) => {
      const now = await probe.now();
      const later = { deadlineAt: now + 3_600_000, notifiers: ["ui"] };
      await probe.given(sampleQueuedJob({ id: "job-1", ...later }, now));
      const terms = sampleTerms({ notifyGraceMs: 120_000 });
      const { record } = claimed(await probe.claim({ id: "job-1", leaseMs: 30_000 }, terms));
      assert.equal(record.wakeAt, record.leaseUntil);
    },

    "is found by its new wake-up": async (probe) => {
      await probe.processing({ id: "job-1", wakeAt: (await probe.now()) + 600_000 }, { leaseMs: 50 });
      await probe.after(150);
      assert.deepEqual(
        (await probe.takeDue()).map((job) => job.record.id),
        ["job-1"],
      );
    },

    "refuses a PENDING job before its time to be sent": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", sendAt: now + 200 }, now));
      if (!probe.hasServerClock) await isRefused(probe, { id: "job-1" });
      await probe.given(sampleJob({ id: "job-2", sendAt: now + 600_000 }, now));
      await isRefused(probe, { id: "job-2" });
      await probe.after(300);
      accepted(await probe.claim({ id: "job-1" }));
    },

    "takes a PENDING job at the very instant of its sending, and not before": async (probe) => {
      if (probe.doesNotApply(probe.hasServerClock, "a server's clock cannot be stopped at an instant"))
        return;
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", sendAt: now + 1 }, now));
      await isRefused(probe, { id: "job-1" });
      await probe.after(1);
      accepted(await probe.claim({ id: "job-1" }));
    },

    "refuses a PENDING job that is not to be sent": async (probe) => {
      await probe.given(sampleJob({ id: "job-1", sendAt: null }, await probe.now()));
      await isRefused(probe, { id: "job-1" });
    },

    "refuses an older dispatch": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", dispatch: 3 }, now));
      await probe.given(sampleJob({ id: "pending", dispatch: 3 }, now));
      for (const id of ["queued", "pending"]) {
        await isRefused(probe, { id, dispatch: 2 });
        assert.equal(claimed(await probe.claim({ id, dispatch: 3 })).record.dispatch, 3);
      }
    },

    "takes up a dispatch that is ahead of the record": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1", dispatch: 2 }, await probe.now()));
      assert.equal(claimed(await probe.claim({ id: "job-1", dispatch: 5 })).record.dispatch, 5);
      assert.equal((await probe.read("job-1")).record.dispatch, 5);
    },

    "answers the same token again without a second claim": async (probe) => {
      const first = await probe.processing({ id: "job-1" });
      await probe.after(20);
      const again = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual(again, first);
      assert.deepEqual((await probe.read("job-1")).record, first.record);
    },

    "answers the same token with what happened since, a request to cancel too": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const cancel = { at: record.updatedAt, actor: null, reason: "stop" };
      accepted(await probe.write(sampleWrite(record, { edges: ["cancel"], patch: { cancel } })));
      const again = claimed(await probe.claim({ id: "job-1" }));
      assert.deepEqual(again.record.cancel, cancel);
      assert.equal(again.input, "{}");
    },

    "refuses another token while the job is run, even at a newer dispatch or after the lease": async (
      probe,
    ) => {
      await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await isRefused(probe, { id: "job-1", token: "theirs" });
      await isRefused(probe, { id: "job-1", token: "theirs", dispatch: 9 });
      await probe.after(150);
      await isRefused(probe, { id: "job-1", token: "theirs" });
    },

    "refuses the old token once the claim has ended": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const patch = { token: null, leaseUntil: null, dispatch: 2, sendAt: record.updatedAt };
      accepted(await probe.write(sampleWrite(record, { edges: ["T7"], patch })));
      await isRefused(probe, { id: "job-1" });
    },

    "takes a QUEUED job anew under the token that was left with it, and refuses one that has ended": async (
      probe,
    ) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", token: "token-1", fence: 4 }, now));
      await probe.given(sampleQueuedJob({ id: "ended", token: "token-1", status: "FAILED" }, now));
      assert.equal(claimed(await probe.claim({ id: "queued" })).record.fence, 5);
      await isRefused(probe, { id: "ended" });
    },

    "refuses a job that awaits outside work": async (probe) => {
      await probe.awaiting({ id: "job-1" });
      await isRefused(probe, { id: "job-1", dispatch: 9 });
    },

    "refuses a final job, under its own token too": async (probe) => {
      for (const status of ["COMPLETED", "FAILED"] as const) {
        await probe.final(status, { id: `job-${status}` });
        await isRefused(probe, { id: `job-${status}`, dispatch: 9 });
      }
    },

    "refuses a job that is being run or has ended, even where sendAt is left": async (probe) => {
      const { record } = await probe.processing({ id: "processing" });
      accepted(await probe.write(sampleWrite(record, { patch: { sendAt: record.updatedAt } })));
      await isRefused(probe, { id: "processing", token: "theirs" });
      const running = await probe.processing({ id: "ended" });
      const patch = { ...SAMPLE_END, sendAt: record.updatedAt };
      accepted(await probe.write(sampleWrite(running.record, { edges: ["T6"], patch })));
      await isRefused(probe, { id: "ended", token: "theirs" });
    },

    "leaves a record of a newer format": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued", recordVersion: RECORD_VERSION + 1 }, now));
      await probe.given(sampleJob({ id: "pending", recordVersion: RECORD_VERSION + 1 }, now));
      for (const id of ["queued", "pending"]) {
        await isRefused(probe, { id });
        accepted(await probe.claim({ id }, sampleTerms({ recordVersion: RECORD_VERSION + 1 })));
      }
    },

    "takes a record of an older format": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1" }, await probe.now()));
      accepted(await probe.claim({ id: "job-1" }, sampleTerms({ recordVersion: RECORD_VERSION + 1 })));
    },

    "does not judge attempts: retry and sweep have": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1", attempt: 3, maxAttempts: 3 }, await probe.now()));
      assert.equal(claimed(await probe.claim({ id: "job-1" })).record.attempt, 4);
    },

    "tells of a job that does not exist": async (probe) => {
      assert.deepEqual(await probe.claim({ id: "nobody" }), { status: "gone" });
    },

    "answers the cursors with the claim": async (probe) => {
      const record = await probe.given(
        sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()),
      );
      const ui = { ...START, upTo: 2 };
      await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: record.wakeAt, cursors: { ui } });
      assert.deepEqual(claimed(await probe.claim({ id: "job-1" })).cursors, { ui });
    },

    "judges the items of one call one by one, in order": async (probe) => {
      const now = await probe.now();
      await probe.processing({ id: "busy" }, { token: "other" });
      for (const id of ["a", "b"]) await probe.given(sampleQueuedJob({ id }, now), `"${id}"`);
      const items = ["b", "nobody", "busy", "a"].map((id, index) => ({
        id,
        dispatch: 1,
        token: `token-${String(index)}`,
        leaseMs: 1_000 * (index + 1),
      }));
      const { results, jobs } = await probe.store.claim({
        ...probe.at,
        byMessage: { terms: sampleTerms(), items },
      });
      assert.deepEqual(
        results.map((result) => result.status),
        ["ok", "gone", "refused", "ok"],
      );
      assert.deepEqual(jobs, []);
      const b = claimed(present(results[0]));
      const a = claimed(present(results[3]));
      assert.deepEqual([b.record.id, b.record.token, b.input], ["b", "token-0", '"b"']);
      assert.deepEqual([a.record.id, a.record.token, a.input], ["a", "token-3", '"a"']);
      assert.equal((a.record.leaseUntil ?? 0) - a.record.updatedAt, 4_000);
    },
  },
};
