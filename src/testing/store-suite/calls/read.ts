import assert from "node:assert/strict";
import { sampleJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted } from "../store-probe.js";
import { START } from "../../../core/job/record.js";

/** Changes whatever can be changed of what came out; a frozen answer throws, a copy does not: both are fine. */
function spoilAll(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) spoilAll(part);
  try {
    if (Array.isArray(value)) value.push("pushed into what came out");
    else Object.assign(value, { id: "mallory", body: "mallory", mallory: true });
  } catch (error) {
    assert.ok(error instanceof TypeError);
  }
}

export const readBehaviour: StoreBehaviour = {
  group: "read",
  tests: {
    "answers in the order of the ids, null where there is no job": async (probe) => {
      const now = await probe.now();
      const one = await probe.given(sampleJob({ id: "job-1" }, now));
      const two = await probe.given(sampleJob({ id: "job-2" }, now));
      const { jobs } = await probe.store.read({ ...probe.at, ids: ["job-2", "nobody", "job-1"] });
      assert.deepEqual(jobs, [{ record: two, cursors: {} }, null, { record: one, cursors: {} }]);
    },

    "leaves input and output out unless they are asked for": async (probe) => {
      await probe.given(sampleJob({ id: "job-1" }, await probe.now()), '{"a":1}');
      assert.deepEqual(Object.keys(await probe.read("job-1")).sort(), ["cursors", "record"]);
      const withInput = await probe.read("job-1", { input: true });
      assert.deepEqual([withInput.input, "output" in withInput], ['{"a":1}', false]);
      const withOutput = await probe.read("job-1", { output: true });
      assert.deepEqual([withOutput.output, "input" in withOutput], [null, false]);
    },

    "sees a write as soon as it is answered": async (probe) => {
      let record = await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
      for (let send = 1; send <= 20; send += 1) {
        accepted(await probe.write(sampleWrite(record, { patch: { send } })));
        record = (await probe.read("job-1")).record;
        assert.deepEqual([record.send, record.version], [send, send + 1]);
      }
    },

    "tells the time that the store decides by": async (probe) => {
      if (probe.hasServerClock) {
        const before = await probe.now();
        const { nowMs } = await probe.store.read({ nowMs: 1, ids: [] });
        assert.ok(nowMs >= before && nowMs < before + 60_000, "its own time, whatever the caller says");
      } else {
        const { nowMs } = await probe.store.read({ nowMs: 1_234_567_890_123, ids: [] });
        assert.equal(nowMs, 1_234_567_890_123);
      }
    },

    "keeps its own copy of what is passed in": async (probe) => {
      const metadata = { tags: ["a"] };
      const progress = { done: ["a"] };
      const exhausted = [1];
      await probe.given(sampleJob({ id: "job-1", metadata, notifiers: ["ui"] }, await probe.now()));
      const { record } = await probe.read("job-1");
      accepted(await probe.write(sampleWrite(record, { patch: { progress } })));
      const ui = { ...START, upTo: 1, exhausted };
      accepted(await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: record.wakeAt, cursors: { ui } }));
      metadata.tags.push("b");
      progress.done.push("b");
      exhausted.push(2);
      const stored = await probe.read("job-1");
      assert.deepEqual(
        [stored.record.metadata, stored.record.progress, stored.cursors["ui"]?.exhausted],
        [{ tags: ["a"] }, { done: ["a"] }, [1]],
      );
    },

    "gives out nothing through which what is stored can be changed, in no other answer either": async (
      probe,
    ) => {
      const { store, at } = probe;
      const now = await probe.now();
      const { record } = await probe.awaiting({ id: "job-1", metadata: { tags: ["a"] }, notifiers: ["ui"] });
      const ui = { ...START, upTo: 1, exhausted: [1] };
      accepted(await probe.advance({ id: "job-1", wakeAt: now - 1, cursors: { ui } }));
      const message = { id: "p-1", queue: "work", body: "body", reason: "r", at: now };
      await store.park({ ...at, messages: [message] });
      message.body = "changed by its caller";
      await probe.indexed();
      const state = async () => ({
        job: structuredClone(await probe.read("job-1")),
        parked: structuredClone((await store.parked({ ...at, limit: 5 })).messages),
      });
      const before = await state();
      assert.equal(before.parked[0]?.body, "body", "park keeps its own copy of what is passed in");
      const stale = sampleWrite(record, { guard: { version: 99 } });
      const create = { items: [{ record: sampleJob({ id: "job-1" }, now), input: "{}" }] };
      const answers: Readonly<Record<string, readonly unknown[]>> = {
        list: (await store.list({ ...at, kinds: [record.kind], limit: 5 })).jobs,
        byRef: (await store.byRef({ ...at, kind: record.kind, refKey: "ref-1" })).jobs,
        write: (await store.write({ ...at, items: [stale] })).results,
        beat: (await store.beat({ ...at, items: [{ id: "job-1", token: "theirs", leaseMs: 1 }] })).results,
        create: (await store.create({ ...at, ...create })).results,
        parked: (await store.parked({ ...at, limit: 5 })).messages,
      };
      for (const [name, answer] of Object.entries(answers)) {
        assert.equal(answer.length, 1, name);
        spoilAll(answer);
        assert.deepEqual(await state(), before, `what ${name} answers is not shared with what is stored`);
      }
    },

    "gives out nothing through which what is stored can be changed": async (probe) => {
      await probe.given(
        sampleJob({ id: "job-1", metadata: { tags: ["a"] }, notifiers: ["ui"] }, await probe.now()),
      );
      const before = structuredClone(await probe.read("job-1"));
      const seen = await probe.read("job-1");
      for (const attempt of [
        () => (seen.record.metadata as { tags: string[] }).tags.push("pushed into what came out"),
        () => (seen.record.notifiers as string[]).push("mallory"),
        () => Object.assign(seen.record, { owner: "mallory" }),
        () => Object.assign(seen.cursors, { mallory: null }),
      ]) {
        // A frozen answer throws, a copy does not: both are fine.
        try {
          attempt();
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
      }
      assert.deepEqual(await probe.read("job-1"), before);
    },
  },
};
