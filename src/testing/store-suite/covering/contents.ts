import assert from "node:assert/strict";
import { START } from "../../../core/job/record.js";
import type { StoredJob } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, only, present, refused, sampleNext, type StoreProbe } from "../store-probe.js";

const UI = {
  ...START,
  upTo: 1,
  attempts: 2,
  since: 5,
  retryAt: 9_999_999_999_999,
  reason: "busy",
  exhausted: [1],
};

/** Gives the job cursors that are not empty. */
async function withCursors(probe: StoreProbe, id: string): Promise<void> {
  const { record } = await probe.read(id);
  accepted(await probe.advance({ id, wakeAt: record.wakeAt, purgeAt: record.purgeAt, cursors: { ui: UI } }));
}

/** An answer carries the cursors, and of the payloads what it is to carry. */
function carries(job: StoredJob | undefined, parts: readonly ("input" | "output")[], call: string): void {
  const { record, ...rest } = present(job);
  assert.deepEqual(rest.cursors, { ui: UI }, `${call} answers with the cursors of ${record.id}`);
  assert.deepEqual(
    Object.keys(rest)
      .filter((key) => key !== "cursors" && key !== "dueAt")
      .sort(),
    [...parts].sort(),
    `${call} answers with payloads only where they were asked for`,
  );
}

export const contentsBehaviour: StoreBehaviour = {
  group: "what answers carry",
  tests: {
    "is the cursors, and payloads only where they were asked for": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"], wakeAt: now - 1 }, now), '"in"');
      await withCursors(probe, "job-1");
      const { record } = await probe.read("job-1");
      carries(await probe.read("job-1"), [], "read");
      carries(await probe.read("job-1", { input: true }), ["input"], "read");
      carries(await probe.read("job-1", { output: true }), ["output"], "read");
      const [existing] = await probe.create({ record, input: "{}" });
      assert.ok(existing?.status === "existing");
      carries(existing.job, [], "create");
      carries(
        refused(await probe.write(sampleWrite(record, { guard: { version: 99 } }))),
        [],
        "a refused write",
      );
      carries(refused(await probe.beat({ id: "job-1", token: "nobody", leaseMs: 1 })), [], "a refused beat");
      carries(refused(await probe.claim({ id: "job-1", dispatch: 0 })), [], "a refused claim");
      carries((await probe.takeDue())[0], [], "takeDue");
      carries((await probe.list()).jobs[0], [], "list");
      carries((await probe.list({ input: true })).jobs[0], ["input"], "list");
      carries((await probe.list({ output: true })).jobs[0], ["output"], "list");
      carries(claimed(await probe.claim({ id: "job-1" })), ["input"], "claim");
      carries(claimed(await probe.claim({ id: "job-1" })), ["input"], "claim asked again");
    },

    "is the same of a job that has ended": async (probe) => {
      await probe.final("COMPLETED", { id: "job-1", notifiers: ["ui"] });
      await withCursors(probe, "job-1");
      carries(await probe.read("job-1"), [], "read");
      const { record } = await probe.read("job-1");
      const late = sampleWrite({ ...record, status: "PROCESSING" }, { patch: SAMPLE_END });
      carries(refused(await probe.write(late)), [], "a refused write");
      carries(
        (await probe.list({ statuses: ["COMPLETED"], input: true, output: true })).jobs[0],
        ["input", "output"],
        "list",
      );
    },

    "is the same of a claim of the next, also asked again": async (probe) => {
      if (probe.isNoQueue) return;
      await probe.given(sampleReadyJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()), '"in"');
      await withCursors(probe, "job-1");
      for (const call of ["claim", "claim asked again"])
        carries(only(await probe.claimNext()), ["input"], call);
      if (!probe.store.capabilities.writeThenClaim) return;
      const { claimed: jobs = [] } = await probe.store.write({
        ...probe.at,
        items: [],
        thenClaim: sampleNext(),
      });
      carries(only(jobs), ["input"], "write, then claim");
    },

    "is the same of a job that awaits outside work": async (probe) => {
      await probe.awaiting({ id: "job-1", notifiers: ["ui"] }, ["ref-7"]);
      await withCursors(probe, "job-1");
      await probe.indexed();
      const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey: "ref-7" });
      carries(only(jobs), [], "byRef");
    },
  },
};
