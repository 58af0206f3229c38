import assert from "node:assert/strict";
import { judgeExisting } from "../../../core/decide/create.js";
import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import { decodeHistory } from "../../../core/job/history.js";
import {
  SAMPLE_END,
  sampleHistory,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, byId, claimed, refused, SCOPE, underScope } from "../store-probe.js";

/** Runs the call, whose answer is then lost on its way: the caller cannot know what came of it. */
async function losesAnswer(call: () => Promise<unknown>): Promise<void> {
  const answerLost = async (): Promise<never> => {
    await call();
    throw new StoreUnavailableError("The answer was lost.", { outcome: "unknown" });
  };
  await assert.rejects(
    answerLost(),
    (error) => isWaybillError(error, "store.unavailable") && error.outcome === "unknown",
  );
}

export const unknownOutcomeBehaviour: StoreBehaviour = {
  group: "unknown outcome",
  tests: {
    "tells a creator that the job stored is its own": async (probe) => {
      const now = await probe.now();
      const mine = sampleJob(
        {
          id: underScope("job-1"),
          scope: SCOPE,
          history: sampleHistory(["T1"], { nowMs: now, transitionId: "mine" }),
        },
        now,
      );
      await losesAnswer(() => probe.create({ record: mine, input: "{}" }));
      const [again] = await probe.create({ record: mine, input: "{}" });
      assert.equal(again?.status === "existing" && judgeExisting(mine, again.job), "mine");
      const theirs = { ...mine, history: sampleHistory(["T1"], { nowMs: now, transitionId: "theirs" }) };
      const [other] = await probe.create({ record: { ...theirs, scope: null }, input: "{}" });
      assert.equal(
        other?.status === "existing" && judgeExisting({ ...theirs, scope: null }, other.job),
        "conflict",
      );
    },

    "tells a creator so when the job has long been run": async (probe) => {
      const now = await probe.now();
      const mine = sampleJob({ id: "job-1" }, now);
      await losesAnswer(() => probe.create({ record: mine, input: "{}" }));
      const { record } = claimed(await probe.claim({ id: "job-1" }));
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })));
      const [again] = await probe.create({ record: mine, input: "{}" });
      assert.equal(again?.status === "existing" && judgeExisting(mine, again.job), "mine");
      assert.equal((await probe.read("job-1")).record.status, "COMPLETED");
    },

    "shows a writer its own entry at the place after the version it observed": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const write = sampleWrite(record, {
        edges: ["T5"],
        patch: SAMPLE_END,
        transitionId: "mine",
        output: '"mine"',
      });
      await losesAnswer(() => probe.write(write));
      const { record: stored } = refused(await probe.write(write));
      const entry = decodeHistory(stored.history).find(({ version }) => version === record.version + 1);
      assert.equal(entry?.transitionId, "mine");
      assert.equal((await probe.read("job-1", { output: true })).output, '"mine"');
    },

    "shows a writer another's entry where its write came too late": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      accepted(await probe.write(sampleWrite(record, { edges: ["cancel"], transitionId: "theirs" })));
      const { record: stored } = refused(
        await probe.write(sampleWrite(record, { edges: ["T5"], transitionId: "mine" })),
      );
      const entry = decodeHistory(stored.history).find(({ version }) => version === record.version + 1);
      assert.equal(entry?.transitionId, "theirs");
    },

    "gives a worker its claim again, and the job is claimed once": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "queued" }, now));
      await probe.given(sampleJob({ id: "pending" }, now));
      for (const id of ["queued", "pending"]) {
        await losesAnswer(() => probe.claim({ id }));
        const { record, input } = claimed(await probe.claim({ id }));
        assert.deepEqual([record.token, record.fence, record.attempt, input], ["token-1", 1, 1, "{}"]);
        assert.deepEqual((await probe.read(id)).record, record);
      }
    },

    "gives a worker the next jobs again under the token of the lost call": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
      await losesAnswer(() => probe.claimNext({ limit: 2 }));
      const again = byId(await probe.claimNext({ limit: 2 }));
      assert.deepEqual(
        again.map(({ record }) => [record.id, record.fence]),
        [
          ["a", 1],
          ["b", 1],
        ],
      );
      assert.deepEqual(
        (await probe.claimNext({ token: "other" })).map(({ record }) => record.id),
        ["c"],
      );
    },

    "takes a beat twice": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      await losesAnswer(() => probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
      assert.equal((await probe.read("job-1")).record.version, record.version);
    },

    "finds a due job again after its hold when the taker never heard of it": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", wakeAt: now - 1 }, now));
      await losesAnswer(() => probe.takeDue({ holdMs: 50 }));
      await probe.after(100);
      assert.deepEqual(
        (await probe.takeDue()).map(({ record }) => record.id),
        ["job-1"],
      );
    },
  },
};
