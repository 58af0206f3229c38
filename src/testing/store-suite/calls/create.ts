import assert from "node:assert/strict";
import { sampleJob, sampleOwnJob, sampleQueuedJob, sampleReadyJob } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { SCOPE, underScope } from "../store-probe.js";
import { type FixedFields, START } from "../../../core/job/record.js";

const [JOB_1, JOB_2] = [underScope("job-1"), underScope("job-2")];

const TRACE = {
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: 'congo=t61rcWkgMzE,rojo="00f067\\"',
};

/** What a job may have from its create on, but for who hands it over. A field that is missing here does not compile. */
type EveryOptional = {
  [
    Field in Exclude<keyof FixedFields, "queue" | "handOver"> as null extends FixedFields[Field]
      ? Field
      : never
  ]: FixedFields[Field];
};

export const createBehaviour: StoreBehaviour = {
  group: "create",
  tests: {
    "stores the whole record, without cursors": async (probe) => {
      const now = await probe.now();
      const optional: EveryOptional = {
        owner: "owner-1",
        subject: "plan:42",
        metadata: { tags: ["a", "b"], nested: { n: 1.5, yes: true, none: null } },
        origin: "job-0",
        scope: SCOPE,
        inputHash: "hash-1",
        deadlineAt: now + 3_600_000,
        trace: TRACE,
      };
      const record = await probe.given(
        sampleJob({ id: JOB_1, notifiers: ["ui", "billing"], ...optional }, now),
        '{"plan":42}',
      );
      assert.deepEqual(await probe.read(JOB_1, { input: true, output: true }), {
        record,
        cursors: {},
        input: '{"plan":42}',
        output: null,
      });
    },

    "stores first records in every form that a job begins with": async (probe) => {
      const now = await probe.now();
      const records = [
        sampleJob({ id: "pending" }, now),
        sampleQueuedJob({ id: "queued" }, now),
        sampleReadyJob({ id: "ready" }, now),
        sampleReadyJob({ id: "delayed", readyAt: now + 60_000 }, now),
        sampleOwnJob({ id: "own" }, now),
        sampleOwnJob({ id: "own-traced", trace: { traceparent: TRACE.traceparent } }, now),
      ];
      await probe.create(...records.map((record) => ({ record, input: "{}" })));
      for (const record of records) assert.deepEqual((await probe.read(record.id)).record, record);
    },

    "answers a second create of an id with what is stored, and changes nothing": async (probe) => {
      const now = await probe.now();
      const first = await probe.given(sampleJob({ id: "job-1", subject: "first" }, now), '"first"');
      const second = sampleJob({ id: "job-1", subject: "second", owner: "other" }, now);
      const existing = [{ status: "existing", job: { record: first, cursors: {} } }];
      assert.deepEqual(await probe.create({ record: second, input: '"second"' }), existing);
      assert.equal((await probe.read("job-1", { input: true })).input, '"first"');
      assert.deepEqual((await probe.list({ owner: "other" })).jobs, []);
    },

    "answers a second create under a scope with the job that has it": async (probe) => {
      const now = await probe.now();
      const first = await probe.given(sampleJob({ id: JOB_1, scope: SCOPE }, now));
      const [answer] = await probe.create({
        record: sampleJob({ id: JOB_2, scope: SCOPE }, now),
        input: "{}",
      });
      assert.deepEqual(answer, { status: "existing", job: { record: first, cursors: {} } });
      assert.equal(await probe.find(JOB_2), null);
    },

    "answers with the job of the id where another has the scope": async (probe) => {
      const now = await probe.now();
      const named = await probe.given(sampleJob({ id: JOB_1 }, now));
      await probe.given(sampleJob({ id: JOB_2, scope: SCOPE }, now));
      const [answer] = await probe.create({
        record: sampleJob({ id: JOB_1, scope: SCOPE }, now),
        input: "{}",
      });
      assert.deepEqual(answer, { status: "existing", job: { record: named, cursors: {} } });
    },

    "finds a job by its scope whatever its status": async (probe) => {
      const now = await probe.now();
      const ended = await probe.final("COMPLETED", { id: JOB_1, scope: SCOPE });
      const [answer] = await probe.create({
        record: sampleJob({ id: JOB_2, scope: SCOPE }, now),
        input: "{}",
      });
      assert.deepEqual(answer, { status: "existing", job: ended });
    },

    "keeps jobs without a scope apart": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", scope: null }, now));
      await probe.given(sampleJob({ id: "job-2", scope: null }, now));
      assert.notEqual(await probe.find("job-1"), null);
      assert.notEqual(await probe.find("job-2"), null);
    },

    "gives one scope to one job when both come in one call": async (probe) => {
      const now = await probe.now();
      const items = [JOB_1, JOB_2].map((id) => ({
        record: sampleJob({ id, scope: SCOPE }, now),
        input: "{}",
      }));
      const answers = await probe.create(...items);
      assert.deepEqual(answers.map((answer) => answer.status).sort(), ["created", "existing"]);
      const winner = answers[0]?.status === "created" ? JOB_1 : JOB_2;
      const loser = answers.find((answer) => answer.status === "existing");
      assert.equal(loser?.job.record.id, winner);
      assert.equal(await probe.find(winner === JOB_1 ? JOB_2 : JOB_1), null);
    },

    "answers item by item, in order": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-2" }, now));
      const items = ["job-1", "job-2", "job-3"].map((id) => ({
        record: sampleJob({ id }, now),
        input: "{}",
      }));
      const answers = await probe.create(...items);
      assert.deepEqual(
        answers.map((answer) => answer.status),
        ["created", "existing", "created"],
      );
      assert.equal((await probe.read("job-3")).record.id, "job-3");
    },

    "returns the cursors of an existing job": async (probe) => {
      const record = await probe.given(sampleJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()));
      const ui = { ...START, upTo: 1 };
      await probe.advance({ id: "job-1", ifVersion: 1, wakeAt: record.wakeAt, cursors: { ui } });
      const [answer] = await probe.create({ record, input: "{}" });
      assert.deepEqual(answer, { status: "existing", job: { record, cursors: { ui } } });
    },
  },
};
