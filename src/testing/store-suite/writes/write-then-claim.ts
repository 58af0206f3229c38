import assert from "node:assert/strict";
import { SAMPLE_END, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { byId, sampleNext } from "../store-probe.js";

export const writeThenClaimBehaviour: StoreBehaviour = {
  group: "write then claim",
  applies: "writeThenClaim",
  tests: {
    "claims after the writes, so that what they free is among it": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "waiting", readyAt: now - 1 }, now));
      const given = await probe.given(sampleReadyJob({ id: "running", readyAt: now - 2 }, now));
      const [running] = await probe.claimNext({ limit: 1, token: "first" });
      assert.equal(running?.record.id, given.id);
      const retry = sampleWrite(running.record, {
        edges: ["T7", "T2"],
        patch: { ...SAMPLE_END, readyAt: now - 3 },
      });
      const thenClaim = sampleNext({ token: "second", limit: 2 });
      const { results, claimed } = await probe.store.write({ ...probe.at, items: [retry], thenClaim });
      assert.deepEqual(results, [{ status: "ok" }]);
      assert.deepEqual(
        claimed?.map((job) => [job.record.id, job.record.token, job.input]),
        [
          ["running", "second", "{}"],
          ["waiting", "second", "{}"],
        ],
      );
    },

    "claims although every write is refused": async (probe) => {
      const record = await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
      const items = [sampleWrite(record, { guard: { version: 9 } })];
      const { results, claimed } = await probe.store.write({ ...probe.at, items, thenClaim: sampleNext() });
      assert.deepEqual(
        results.map((result) => result.status),
        ["refused"],
      );
      assert.deepEqual(
        claimed?.map((job) => job.record.id),
        ["job-1"],
      );
    },

    "answers the same token with the same jobs": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
      const thenClaim = sampleNext({ limit: 2 });
      const first = await probe.store.write({ ...probe.at, items: [], thenClaim });
      await probe.after(20);
      const again = await probe.store.write({ ...probe.at, items: [], thenClaim });
      assert.equal(first.claimed?.length, 2);
      assert.deepEqual(byId(again.claimed ?? []), byId(first.claimed));
    },

    "claims no more than is asked for, however much is written": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
      const { record } = await probe.processing({ id: "done" });
      const items = [sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
      const { claimed } = await probe.store.write({
        ...probe.at,
        items,
        thenClaim: sampleNext({ limit: 1 }),
      });
      assert.deepEqual(
        claimed?.map((job) => job.record.id),
        ["a"],
        "`limit` counts what is claimed, not what is written",
      );
    },

    "says that it claimed nothing where it was asked to": async (probe) => {
      const { record } = await probe.processing({ id: "done" });
      const items = [sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
      const { claimed } = await probe.store.write({ ...probe.at, items, thenClaim: sampleNext() });
      assert.deepEqual(claimed, [], "`claimed` is the answer to `thenClaim`");
    },

    "claims nothing where it is not asked to": async (probe) => {
      await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
      const reply = await probe.store.write({ ...probe.at, items: [] });
      assert.deepEqual(reply.claimed ?? [], []);
      assert.equal((await probe.read("job-1")).record.status, "QUEUED");
    },
  },
};
