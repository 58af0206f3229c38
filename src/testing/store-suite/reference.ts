import assert from "node:assert/strict";
import type { StoredJob } from "../../core/ports/store.js";
import { SAMPLE_END, sampleWrite } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { accepted, type StoreProbe } from "./store-probe.js";

async function jobsOf(probe: StoreProbe, refKey: string, kind: string): Promise<readonly StoredJob[]> {
  await probe.indexed();
  return (await probe.store.byRef({ ...probe.at, kind, refKey })).jobs;
}

async function found(probe: StoreProbe, refKey: string, kind = "sample.work"): Promise<readonly string[]> {
  return (await jobsOf(probe, refKey, kind)).map((job) => job.record.id);
}

export const referenceBehaviour: StoreBehaviour = {
  group: "by reference",
  tests: {
    "finds a job that awaits outside work by each of its keys": async (probe) => {
      const job = await probe.awaiting({ id: "job-1" }, ["i-1", "i-2"]);
      await probe.awaiting({ id: "job-2" }, ["i-3"]);
      const jobs = await jobsOf(probe, "i-2", "sample.work");
      assert.deepEqual(
        jobs.map(({ record, cursors }) => ({ record, cursors })),
        [job],
      );
      assert.deepEqual(await found(probe, "i-1"), ["job-1"]);
      assert.deepEqual(await found(probe, "i-"), []);
    },

    "keeps kinds apart": async (probe) => {
      await probe.awaiting({ id: "job-1", kind: "kind.a" }, ["i-1"]);
      assert.deepEqual(await found(probe, "i-1", "kind.a"), ["job-1"]);
      assert.deepEqual(await found(probe, "i-1", "kind.b"), []);
    },

    "follows the keys, and forgets a job whose outside work has ended": async (probe) => {
      const { record } = await probe.awaiting({ id: "job-1" }, ["i-1", "i-2"]);
      assert.ok(record.awaiting !== null);
      const awaiting = { ...record.awaiting, refKeys: ["i-2", "i-3"] };
      accepted(await probe.write(sampleWrite(record, { patch: { awaiting } })));
      assert.deepEqual(
        [await found(probe, "i-1"), await found(probe, "i-2"), await found(probe, "i-3")],
        [[], ["job-1"], ["job-1"]],
      );
      const { record: changed } = await probe.read("job-1");
      accepted(
        await probe.write(
          sampleWrite(changed, { edges: ["T5"], patch: { ...SAMPLE_END, awaiting: null }, output: "1" }),
        ),
      );
      assert.deepEqual([await found(probe, "i-2"), await found(probe, "i-3")], [[], []]);
    },

    "finds the newest first, ten at most": async (probe) => {
      const now = await probe.now();
      for (let index = 0; index < 12; index += 1) {
        const id = `job-${String(index).padStart(2, "0")}`;
        await probe.awaiting({ id, createdAt: now + index }, ["shared"]);
      }
      const expected = Array.from({ length: 10 }, (_, index) => `job-${String(11 - index).padStart(2, "0")}`);
      assert.deepEqual(await found(probe, "shared"), expected);
    },

    "takes hostile keys as text": async (probe) => {
      const keys = [
        "*",
        "%",
        "a'b",
        '"',
        "i:1",
        "sample.work:i",
        "漢字",
        "__proto__",
        " ",
        "arn:aws:drs:eu-west-1:1:job/x",
      ];
      await probe.awaiting({ id: "all" }, keys);
      await probe.awaiting({ id: "other" }, ["other"]);
      for (const key of keys) assert.deepEqual(await found(probe, key), ["all"]);
    },
  },
};
