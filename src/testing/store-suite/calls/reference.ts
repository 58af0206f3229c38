import assert from "node:assert/strict";
import type { StoredJob } from "../../../core/ports/store.js";
import type { JobRecord } from "../../../core/job/record.js";
import { SAMPLE_END, sampleQueuedJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, present, type StoreProbe } from "../store-probe.js";

async function jobsOf(
  probe: StoreProbe,
  refKey: string,
  kind: string,
  owner?: string | null,
): Promise<readonly StoredJob[]> {
  await probe.indexed();
  const whose = owner === undefined ? {} : { owner };
  return (await probe.store.byRef({ ...probe.at, kind, refKey, ...whose })).jobs;
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

    "finds the jobs of every owner where none is asked for": async (probe) => {
      await probe.awaiting({ id: "anns", owner: "ann" }, ["i-1"]);
      await probe.awaiting({ id: "nobodys", owner: null }, ["i-1"]);
      assert.deepEqual([...(await found(probe, "i-1"))].sort(), ["anns", "nobodys"]);
    },

    "finds those of one owner, however many of others await the same key": async (probe) => {
      const now = await probe.now();
      const others = Array.from({ length: 24 }, (_, index): readonly [string, string] => [
        `other-${String(index)}`,
        index % 2 === 0 ? "a" : "bea",
      ]);
      const given: readonly (readonly [string, string | null])[] = [
        ["mine", "ann"],
        ["nobodys", null],
        ...others,
      ];
      for (const [index, [id, owner]] of given.entries()) {
        await probe.awaiting({ id, owner, createdAt: now + index }, ["shared"]);
      }
      const of = async (owner: string | null): Promise<readonly string[]> =>
        (await jobsOf(probe, "shared", "sample.work", owner)).map(({ record }) => record.id);
      assert.deepEqual(await of("ann"), ["mine"]);
      assert.deepEqual(await of(null), ["nobodys"]);
      assert.deepEqual(await of("nobody"), []);
      const newest = Array.from({ length: 10 }, (_, index) => `other-${String(23 - 2 * index)}`);
      assert.deepEqual(await of("bea"), newest);
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
        "😀 \r\n",
        "__proto__",
        " ",
        "arn:aws:drs:eu-west-1:1:job/x",
      ];
      await probe.awaiting({ id: "all" }, keys);
      await probe.awaiting({ id: "other" }, ["other"]);
      for (const key of keys) assert.deepEqual(await found(probe, key), ["all"]);
    },

    "tells kind, key and owner apart wherever one ends and the next begins": async (probe) => {
      const now = await probe.now();
      for (const [index, mark] of [":", "/", "|", "#", ",", " ", "\u0001"].entries()) {
        const [long, short] = [`a${mark}b`, `b${mark}c`];
        const named = (name: string): string => `${name}-${String(index)}`;
        for (const [id, kind, owner, key] of [
          ["left", long, null, `c${mark}`],
          ["right", "a", null, `${short}${mark}`],
          ["left-owned", "kind", long, "c"],
          ["right-owned", "kind", "a", short],
        ] as const)
          await probe.awaiting({ id: named(id), kind, owner, createdAt: now }, [key]);
        const said = `where they hold ${JSON.stringify(mark)}`;
        assert.deepEqual(
          await found(probe, `c${mark}`, long),
          [named("left")],
          `"of a kind … with this key" ${said}`,
        );
        assert.deepEqual(
          await found(probe, `${short}${mark}`, "a"),
          [named("right")],
          `"of a kind … with this key" ${said}`,
        );
        for (const [owner, key, expected] of [
          [long, "c", [named("left-owned")]],
          ["a", short, [named("right-owned")]],
          ["a", "c", []],
          [long, short, []],
        ] as const) {
          const ids = (await jobsOf(probe, key, "kind", owner)).map(({ record }) => record.id);
          assert.deepEqual(ids, expected, `"Of this owner only" ${said}`);
        }
        for (const id of ["left", "right", "left-owned", "right-owned"]) {
          const { record } = await probe.read(named(id));
          accepted(await probe.write(sampleWrite(record, { patch: { awaiting: null } })));
        }
      }
    },

    "keeps owners apart that differ in their case or by a space": async (probe) => {
      const owners = ["ann", "Ann", "ann ", "ANN"];
      for (const [index, owner] of owners.entries())
        await probe.awaiting({ id: `job-${String(index)}`, owner }, ["shared"]);
      for (const [index, owner] of owners.entries())
        assert.deepEqual(
          (await jobsOf(probe, "shared", "sample.work", owner)).map(({ record }) => record.id),
          [`job-${String(index)}`],
          `"Of this owner only": ${JSON.stringify(owner)}`,
        );
    },

    "keeps the keys themselves as they are given: their order, commas, an empty list": async (probe) => {
      for (const [index, keys] of [["b,a", "c", "B", "a"], ["z", "a"], []].entries()) {
        const { record } = await probe.awaiting({ id: `job-${String(index)}` }, keys);
        assert.deepEqual(record.awaiting?.refKeys, keys);
      }
      assert.deepEqual(await found(probe, "b,a"), ["job-0"]);
      assert.deepEqual(await found(probe, "b"), []);
    },

    "finds a job once under a key that is given twice": async (probe) => {
      await probe.awaiting({ id: "job-1" }, ["i-1", "i-1"]);
      assert.deepEqual(await found(probe, "i-1"), ["job-1"]);
    },

    "finds the job that awaits a key, and no other": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleQueuedJob({ id: "job-1" }, now));
      await probe.awaiting({ id: "job-2" }, ["i-2"]);
      await probe.awaiting({ id: "job-3" }, ["i-3"]);
      await probe.given(sampleQueuedJob({ id: "job-4" }, now));
      for (const number of [2, 3]) {
        assert.deepEqual(await found(probe, `i-${String(number)}`), [`job-${String(number)}`]);
      }
    },

    "finds every job of a call by its own keys": async (probe) => {
      const { awaiting } = (await probe.awaiting({ id: "pattern" }, [])).record;
      const ids = ["a", "b", "c"];
      const records: JobRecord[] = [];
      for (const id of ids) records.push((await probe.processing({ id }, { token: `token-${id}` })).record);
      const items = records.map((record) => {
        const refKeys = [`of-${record.id}`, "of-all"];
        const patch = { ...SAMPLE_END, awaiting: { ...present(awaiting), refKeys } };
        return sampleWrite(record, { edges: ["waiting"], patch });
      });
      for (const result of (await probe.store.write({ ...probe.at, items })).results) accepted(result);
      for (const id of ids) assert.deepEqual(await found(probe, `of-${id}`), [id]);
      assert.deepEqual([...(await found(probe, "of-all"))].sort(), ids);
    },

    "finds jobs of one instant by id, the last first": async (probe) => {
      const now = await probe.now();
      const ids = Array.from({ length: 12 }, (_, index) => `job-${String(index + 10)}`);
      for (const id of ids) await probe.awaiting({ id, createdAt: now }, ["shared"]);
      assert.deepEqual(await found(probe, "shared"), [...ids].reverse().slice(0, 10));
    },
  },
};
