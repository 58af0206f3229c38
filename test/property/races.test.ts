import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { Applied } from "../../src/core/engine/store/apply.js";
import { isFinal } from "../../src/core/job/lifecycle.js";
import type { Store, WriteGuard } from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { Race } from "./races.js";

const RUNS = Number(process.env["WAYBILL_RACE_RUNS"] ?? 300);
const TIMEOUT_MS = 60_000 + RUNS * 100;

/** Runs a race in many orders of its requests and answers; the one that fails is printed. */
function races(story: string, run: (race: Race) => Promise<void>): void {
  it(story, { timeout: TIMEOUT_MS }, async () => {
    const property = fc.asyncProperty(fc.scheduler(), (scheduler) => run(new Race(scheduler)));
    await fc.assert(property, { numRuns: RUNS, seed: Number(process.env["WAYBILL_RACE_SEED"] ?? 1) });
  });
}

const applied = (...answers: readonly Applied[]): number =>
  answers.filter(({ status }) => status === "applied").length;

/** What the losers were told, each of it one of these. */
function expectRefusals(answers: readonly Applied[], reasons: readonly string[]): void {
  for (const answer of answers) {
    if (answer.status === "applied") continue;
    expect(answer.status).toBe("refused");
    if (answer.status === "refused") expect(reasons).toContain(answer.reason);
  }
}

describe("of processes that race for one job", () => {
  races("one claims it, whichever way they ask", async (race) => {
    await race.ready();
    const [first, second, message] = await race.run(
      race.claimNext("a"),
      race.claimNext("b"),
      race.claim("c"),
    );
    const winners = [
      ...first.map(() => "a"),
      ...second.map(() => "b"),
      ...(message.status === "ok" ? ["c"] : []),
    ];
    expect(winners).toHaveLength(1);
    const { record } = await race.end();
    expect(record).toMatchObject({ token: winners[0], fence: 1, attempt: 1, status: "PROCESSING" });
    if (message.status === "refused") expect(message.job.record.token).toBe(winners[0]);
    expect(await race.faults()).toEqual([]);
  });

  races("a claim and a cancel both count, in one order or the other", async (race) => {
    await race.ready();
    const [first, second, code] = await race.run(race.claimNext("a"), race.claim("b"), race.cancel());
    const winners = first.length + (second.status === "ok" ? 1 : 0);
    const { record } = await race.end();
    expect(code).toBeNull();
    if (record.status === "FAILED") {
      expect([winners, record.failure?.reason, record.fence]).toEqual([0, "cancelled", 0]);
    } else {
      expect([winners, record.status, record.cancel?.reason]).toEqual([1, "PROCESSING", "no longer wanted"]);
    }
    expect(await race.faults()).toEqual([]);
  });

  races("one sweeps a lease that has passed", async (race) => {
    const seen = await race.lapsed("a");
    const answers = await race.run(race.sweep(seen), race.sweep(seen), race.sweep(seen));
    expect(applied(...answers)).toBe(1);
    expectRefusals(answers, ["not_in_status"]);
    const { record } = await race.end();
    expect(record).toMatchObject({ status: "QUEUED", token: null, dispatch: 2, attempt: 1 });
    expect(await race.faults()).toEqual([]);
  });

  races("a worker that comes back late has its outcome stored, or is swept, and never both", async (race) => {
    const seen = await race.lapsed("a");
    const [swept, again, done, beat] = await race.run(
      race.sweep(seen),
      race.sweep(seen),
      race.complete(seen, '"done"'),
      race.beat("a"),
    );
    expect(applied(swept, again) + applied(done)).toBe(1);
    expectRefusals([swept, again], ["not_in_status", "not_due", "already_final"]);
    expectRefusals([done], ["lease_lost", "already_final"]);
    const { record, output } = await race.end();
    const isDone = applied(done) === 1;
    expect([record.status, output]).toEqual(isDone ? ["COMPLETED", '"done"'] : ["QUEUED", null]);
    if (beat.status === "refused") expect(beat.job.record.token).toBeNull();
    else expect(beat.status).toBe("ok");
    expect(await race.faults()).toEqual([]);
  });

  races("a cancel, a sweep and an outcome leave one end", async (race) => {
    const seen = await race.lapsed("a");
    const [swept, done, beat, code, other] = await race.run(
      race.sweep(seen),
      race.complete(seen, '"done"'),
      race.beat("a"),
      race.cancel(),
      race.cancel(),
    );
    expect(applied(swept) + applied(done)).toBe(1);
    expectRefusals([swept], ["not_in_status", "not_due", "already_final"]);
    expectRefusals([done], ["lease_lost", "already_final"]);
    for (const each of [code, other]) expect([null, "job.already_final"]).toContain(each);
    expect(["ok", "refused"]).toContain(beat.status);
    const { record, output } = await race.end();
    if (applied(done) === 1) expect([record.status, output]).toEqual(["COMPLETED", '"done"']);
    else expect([record.status, record.failure?.reason, output]).toEqual(["FAILED", "cancelled", null]);
    expect(await race.faults()).toEqual([]);
  });

  races("two that hold one claim store one outcome, and the other is told", async (race) => {
    const seen = await race.lapsed("a");
    const answers = await race.run(race.complete(seen, '"first"'), race.complete(seen, '"second"'));
    expect(applied(...answers)).toBe(1);
    expectRefusals(answers, ["already_final"]);
    const { output } = await race.end();
    expect(output).toBe(answers[0].status === "applied" ? '"first"' : '"second"');
    expect(await race.faults()).toEqual([]);
  });

  races("the next worker takes over only what the one before has lost", async (race) => {
    const seen = await race.lapsed("a");
    const [swept, jobs, done, beat] = await race.run(
      race.sweep(seen),
      race.claimNext("b"),
      race.complete(seen, '"old"'),
      race.beat("a"),
    );
    const { record, output } = await race.end();
    if (jobs.length > 0) {
      expect(applied(swept)).toBe(1);
      expect([record.status, record.token, record.fence, output]).toEqual(["PROCESSING", "b", 2, null]);
      if (beat.status === "refused") expect([null, "b"]).toContain(beat.job.record.token);
    }
    expect(applied(swept) + applied(done)).toBe(1);
    expectRefusals([done], ["lease_lost", "already_final"]);
    expect(await race.faults()).toEqual([]);
  });
});

/** A store that looks at less of a guard than it should. */
function blind(loosen: (guard: WriteGuard, stored: JobRecord) => WriteGuard): Store {
  const inner = memoryStore();
  return {
    ...interceptStore(inner, (_method, _items, call) => call()),
    async write(request) {
      const { jobs } = await inner.read({ nowMs: request.nowMs, ids: request.items.map(({ id }) => id) });
      const items = request.items.map((item, index) => {
        const stored = jobs[index]?.record;
        return stored === undefined ? item : { ...item, guard: loosen(item.guard, stored) };
      });
      return inner.write({ ...request, items });
    },
  };
}

const BLIND: Readonly<Record<string, () => Store>> = {
  "status, version and token": () =>
    blind(({ status: _, ...guard }, { status, version, token }) => ({
      ...guard,
      version,
      token,
      status: isFinal(status) ? "PROCESSING" : status,
    })),
  "the lease that a sweep names": () => blind(({ expiredLease: _, ...guard }) => guard),
};

describe("the races", () => {
  for (const [what, open] of Object.entries(BLIND)) {
    it(`see it when a store does not look at ${what}`, { timeout: TIMEOUT_MS }, async () => {
      const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const race = new Race(scheduler, open());
        const seen = await race.lapsed("a");
        const [swept, done] = await race.run(race.sweep(seen), race.complete(seen, "1"), race.beat("a"));
        expect(applied(swept, done)).toBe(1);
        expect(await race.faults()).toEqual([]);
      });
      const { failed } = await fc.check(property, { numRuns: RUNS, seed: 1, endOnFailure: true });
      expect(failed).toBe(true);
    });
  }
});
