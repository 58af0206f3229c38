import assert from "node:assert/strict";
import { type JobRecord, START } from "../../../core/job/record.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, refused } from "../store-probe.js";

const KIB_256 = 256 * 1024;

/** JSON text of exactly `bytes` bytes of UTF-8, with characters of one to four of them. */
function textOf(bytes: number): string {
  const unit = 'aé漢😀\\"\\n ';
  const size = (text: string): number => new TextEncoder().encode(text).length;
  const units = unit.repeat(Math.floor((bytes - 2) / size(unit)));
  return `"${units}${"x".repeat(bytes - 2 - size(units))}"`;
}

export const payloadBehaviour: StoreBehaviour = {
  group: "payload",
  tests: {
    "keeps 256 KiB of input and of output byte for byte": async (probe) => {
      const text = textOf(KIB_256);
      assert.ok(probe.store.capabilities.maxPayloadBytes >= KIB_256);
      await probe.given(sampleJob({ id: "job-1" }, await probe.now()), text);
      const { record, input } = claimed(await probe.claim({ id: "job-1" }));
      assert.ok(input === text, "the claim carries the input as it was given");
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: text })));
      const stored = await probe.read("job-1", { input: true, output: true });
      assert.ok(stored.input === text && stored.output === text, "both come back as they were given");
    },

    "keeps JSON text as text: spaces, order of keys, forms of numbers": async (probe) => {
      const text =
        '\r\n{ "b":1.0, "a" : [ 1e3, -0, 0.1 ] ,"b":2,\r\n\t"10":1, "9":2, "e\u0301":"\\u0041" }\n';
      await probe.given(sampleJob({ id: "job-1" }, await probe.now()), text);
      const { record } = claimed(await probe.claim({ id: "job-1" }));
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: text })));
      const stored = await probe.read("job-1", { input: true, output: true });
      assert.deepEqual([stored.input, stored.output], [text, text]);
    },

    "tells an output of null from none": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      assert.equal((await probe.read("job-1", { output: true })).output, null);
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "null" })));
      assert.equal((await probe.read("job-1", { output: true })).output, "null");
    },

    "stores no output of a write that is refused": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      refused(
        await probe.write(
          sampleWrite(record, { guard: { token: "theirs" }, edges: ["T5"], output: '"theirs"' }),
        ),
      );
      assert.equal((await probe.read("job-1", { output: true })).output, null);
      accepted(
        await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"mine"' })),
      );
      const stale = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"late"' });
      refused(await probe.write(stale));
      assert.equal((await probe.read("job-1", { output: true })).output, '"mine"');
    },

    "stores no output for a job that does not exist": async (probe) => {
      const now = await probe.now();
      assert.deepEqual(
        await probe.write(sampleWrite(sampleJob({ id: "job-1" }, now), { output: '"early"' })),
        {
          status: "gone",
        },
      );
      await probe.given(sampleJob({ id: "job-1" }, now));
      assert.equal((await probe.read("job-1", { output: true })).output, null);
    },

    "stores the output of the job that ended, and leaves every other job's": async (probe) => {
      const { record: one } = await probe.processing({ id: "job-1" });
      const { record: two } = await probe.processing({ id: "job-2" });
      const end = { edges: ["T5"], patch: SAMPLE_END } as const;
      accepted(await probe.write(sampleWrite(one, { ...end, output: '"one"' })));
      assert.equal((await probe.read("job-2", { output: true })).output, null);
      accepted(await probe.write(sampleWrite(two, { ...end, output: '"two"' })));
      assert.equal((await probe.read("job-1", { output: true })).output, '"one"');
      assert.equal((await probe.read("job-2", { output: true })).output, '"two"');
    },

    "stores with each job of a call its own input, and its own output": async (probe) => {
      const now = await probe.now();
      const ids = ["a", "b", "c", "d"];
      await probe.create(...ids.map((id) => ({ record: sampleQueuedJob({ id }, now), input: `"in ${id}"` })));
      const records: JobRecord[] = [];
      for (const id of ids) records.push(claimed(await probe.claim({ id, token: `token-${id}` })).record);
      const items = records.map((record) => {
        // One of them ends without an output.
        const output = record.id === "b" ? {} : { output: `"out ${record.id}"` };
        return sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, ...output });
      });
      for (const result of (await probe.store.write({ ...probe.at, items })).results) accepted(result);
      const { jobs } = await probe.store.read({ ...probe.at, ids, input: true, output: true });
      assert.deepEqual(
        jobs.map((job) => [job?.input, job?.output]),
        [
          ['"in a"', '"out a"'],
          ['"in b"', null],
          ['"in c"', '"out c"'],
          ['"in d"', '"out d"'],
        ],
      );
    },

    "leaves input and output alone in every later change": async (probe) => {
      const { record } = await probe.final("COMPLETED", { id: "job-1", notifiers: ["ui"] });
      const before = await probe.read("job-1", { input: true, output: true });
      const ui = { ...START, upTo: record.version };
      await probe.advance({
        id: "job-1",
        ifVersion: record.version,
        purgeAt: record.purgeAt,
        cursors: { ui },
      });
      const after = await probe.read("job-1", { input: true, output: true });
      assert.deepEqual([after.input, after.output], [before.input, before.output]);
    },
  },
};
