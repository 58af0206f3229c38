import assert from "node:assert/strict";
import type { AnyStore } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, SCOPE, type StoreProbe, underScope } from "../store-probe.js";

const RACERS = 8;

/** Runs racers side by side, by turns through the handles that there are, and hands their answers back. */
async function race<T>(
  probe: StoreProbe,
  run: (racer: StoreProbe, index: number) => Promise<T>,
): Promise<readonly T[]> {
  const second: AnyStore | undefined = await probe.fixture.second?.();
  const handles = second === undefined ? [probe] : [probe, probe.through(second)];
  try {
    return await Promise.all(
      Array.from({ length: RACERS }, (_, index) => run(handles[index % handles.length] ?? probe, index)),
    );
  } finally {
    await second?.close();
  }
}

function winners(answers: readonly { readonly status: string }[]): number {
  return answers.filter((answer) => answer.status === "ok" || answer.status === "created").length;
}

export const contentionBehaviour: StoreBehaviour = {
  group: "contention",
  tests: {
    "answers one of the racers for a guard with ok, and the others with its record": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const answers = await race(probe, (racer, index) =>
        racer.write(sampleWrite(record, { edges: ["phase"], patch: { phase: `phase-${String(index)}` } })),
      );
      assert.equal(winners(answers), 1);
      const stored = (await probe.read("job-1")).record;
      assert.equal(stored.phase, `phase-${String(answers.findIndex((answer) => answer.status === "ok"))}`);
      for (const answer of answers) {
        if (answer.status === "refused") assert.equal(answer.job.record.version, record.version + 1);
      }
    },

    "lets one of the racers end a job, with its own output": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" });
      const answers = await race(probe, (racer, index) =>
        racer.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: String(index) })),
      );
      assert.equal(winners(answers), 1);
      const { output } = await probe.read("job-1", { output: true });
      assert.equal(output, String(answers.findIndex((answer) => answer.status === "ok")));
    },

    "gives a job to one of the racers that claim it by message": async (probe) => {
      await probe.given(sampleQueuedJob({ id: "job-1" }, await probe.now()));
      const answers = await race(probe, (racer, index) =>
        racer.claim({ id: "job-1", token: `token-${String(index)}` }),
      );
      assert.equal(winners(answers), 1);
      const { record } = await probe.read("job-1");
      assert.deepEqual([record.fence, record.attempt, record.version], [1, 1, 3]);
      assert.equal(record.token, `token-${String(answers.findIndex((answer) => answer.status === "ok"))}`);
    },

    "gives each ready job to one of the racers that claim the next": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const ids = Array.from({ length: 40 }, (_, index) => `job-${String(index).padStart(2, "0")}`);
      await probe.create(...ids.map((id) => ({ record: sampleReadyJob({ id }, now), input: "{}" })));
      const rounds = await race(probe, async (racer, index) => {
        const mine: string[] = [];
        for (let round = 0; round < 100; round += 1) {
          const jobs = await racer.claimNext({ limit: 3, token: `token-${String(index)}-${String(round)}` });
          if (jobs.length === 0) break;
          mine.push(...jobs.map((job) => job.record.id));
        }
        return mine;
      });
      // A racer may give up while others hold what it would have been given; nothing is lost by that.
      const rest = await probe.claimNext({ limit: 100, token: "rest" });
      assert.deepEqual([...rounds.flat(), ...rest.map((job) => job.record.id)].sort(), ids);
    },

    "gives each due job to one of the racers that take what is due": async (probe) => {
      const now = await probe.now();
      const ids = Array.from({ length: 20 }, (_, index) => `job-${String(index).padStart(2, "0")}`);
      await probe.create(
        ...ids.map((id) => ({ record: sampleJob({ id, wakeAt: now - 1 }, now), input: "{}" })),
      );
      const takers = await race(probe, (racer) => racer.takeDue({ limit: 5 }));
      const rest = await probe.takeDue();
      assert.deepEqual([...takers.flat(), ...rest].map((job) => job.record.id).sort(), ids);
    },

    "gives a scope to one of the racers that create under it": async (probe) => {
      const now = await probe.now();
      const answers = await race(probe, async (racer, index) => {
        const record = sampleJob({ id: underScope(`job-${String(index)}`), scope: SCOPE }, now);
        const [answer] = await racer.create({ record, input: "{}" });
        return answer ?? { status: "gone" as const };
      });
      assert.equal(winners(answers), 1);
      const place = answers.findIndex((answer) => answer.status === "created");
      const winner = underScope(`job-${String(place)}`);
      for (const answer of answers) {
        if (answer.status === "existing") assert.equal(answer.job.record.id, winner);
      }
    },

    "gives an id to one of the racers that create it": async (probe) => {
      const now = await probe.now();
      const answers = await race(probe, async (racer, index) => {
        const record = sampleJob({ id: "job-1", subject: `subject-${String(index)}` }, now);
        const [answer] = await racer.create({ record, input: String(index) });
        return answer ?? { status: "gone" as const };
      });
      assert.equal(winners(answers), 1);
      const { record, input } = await probe.read("job-1", { input: true });
      assert.equal(record.subject, `subject-${String(input)}`);
    },

    "lets one of a sweep and an outcome through": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      const guard = { expiredLease: record.leaseUntil ?? 0 };
      const answers = await race(probe, (racer, index) =>
        index % 2 === 0
          ? racer.write(sampleWrite(record, { edges: ["T7"], guard, patch: SAMPLE_END }))
          : racer.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })),
      );
      assert.equal(winners(answers), 1);
      const { status } = (await probe.read("job-1")).record;
      assert.equal(
        status,
        answers.findIndex((answer) => answer.status === "ok") % 2 === 0 ? "PENDING" : "COMPLETED",
      );
    },

    "keeps a job under its claim when a sweep meets beats": async (probe) => {
      const { record } = await probe.processing({ id: "job-1" }, { leaseMs: 50 });
      await probe.after(150);
      const guard = { expiredLease: record.leaseUntil ?? 0 };
      const answers = await race(probe, async (racer, index) =>
        index % 2 === 0
          ? {
              by: "sweep",
              ...(await racer.write(sampleWrite(record, { edges: ["T7"], guard, patch: SAMPLE_END }))),
            }
          : { by: "beat", ...(await racer.beat({ id: "job-1", token: "token-1", leaseMs: 600_000 })) },
      );
      const swept = answers.filter((answer) => answer.by === "sweep" && answer.status === "ok").length;
      const beaten = answers.filter((answer) => answer.by === "beat" && answer.status === "ok").length;
      const stored = (await probe.read("job-1")).record;
      assert.ok(swept <= 1);
      if (swept === 1)
        assert.deepEqual([stored.status, stored.token, stored.leaseUntil], ["PENDING", null, null]);
      else assert.deepEqual([beaten, stored.status, stored.token], [RACERS / 2, "PROCESSING", "token-1"]);
    },

    "loses no write of racers that try again on what the refusal returned": async (probe) => {
      const given = await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
      await race(probe, async (racer) => {
        let record = given;
        // Each refusal is another racer's success: more tries than racers are never needed.
        for (let tries = 0; tries < RACERS; tries += 1) {
          const answer = await racer.write(sampleWrite(record, { patch: { send: record.send + 1 } }));
          if (answer.status !== "refused") return;
          record = answer.job.record;
        }
      });
      const { record } = await probe.read("job-1");
      assert.deepEqual([record.send, record.version], [RACERS, 1 + RACERS]);
    },

    "keeps changes of different jobs in one call apart": async (probe) => {
      const now = await probe.now();
      const records = Array.from({ length: 10 }, (_, index) =>
        sampleJob({ id: `job-${String(index)}` }, now),
      );
      await probe.create(...records.map((record) => ({ record, input: "{}" })));
      const answers = await race(probe, async (racer, index) => {
        // Half of them from the other end: what locks in the order of the call would block itself.
        const ordered = index % 2 === 0 ? records : [...records].reverse();
        const items = ordered.map((record) => sampleWrite(record, { patch: { send: index } }));
        return (await racer.store.write({ ...racer.at, items })).results;
      });
      assert.equal(winners(answers.flat()), records.length);
      for (const { id } of records)
        accepted({ status: (await probe.read(id)).record.version === 2 ? "ok" : "lost" });
    },
  },
};
