import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smallStore } from "../../examples/small-store/small-store.js";
import type { Applied } from "../../src/core/engine/store/apply.js";
import { sharedEngine } from "../support/shared-engine.js";
import { Race } from "./races.js";

const SETTINGS = { numRuns: 100, seed: 1 };
const TIMEOUT_MS = 60_000;

/** A race on the small store, in which every call that it makes of its engine travels in the order that is drawn too. */
class EngineRace extends Race {
  readonly #gate: { open: boolean };

  constructor(scheduler: fc.Scheduler, checked: boolean) {
    const gate = { open: true };
    const pause = async (): Promise<void> => {
      if (!gate.open) await scheduler.schedule(Promise.resolve(), "the engine is asked, or answers");
    };
    super(scheduler, smallStore(sharedEngine({ pause, checked })));
    this.#gate = gate;
  }

  async travelling<T>(race: () => Promise<T>): Promise<T> {
    this.#gate.open = false;
    const answers = await race();
    this.#gate.open = true;
    return answers;
  }
}

function property(run: (race: EngineRace) => Promise<void>, checked = true) {
  return fc.asyncProperty(fc.scheduler(), (scheduler) => run(new EngineRace(scheduler, checked)));
}

const applied = (...answers: readonly Applied[]): number =>
  answers.filter(({ status }) => status === "applied").length;

async function oneClaims(race: EngineRace): Promise<void> {
  await race.ready();
  const [first, second, message] = await race.travelling(() =>
    race.run(race.claimNext("a"), race.claimNext("b"), race.claim("c")),
  );
  expect(first.length + second.length + (message.status === "ok" ? 1 : 0)).toBe(1);
  expect((await race.end()).record).toMatchObject({ fence: 1, attempt: 1, status: "PROCESSING" });
  expect(await race.faults()).toEqual([]);
}

async function oneEnds(race: EngineRace): Promise<void> {
  const seen = await race.lapsed("a");
  const [swept, done] = await race.travelling(() =>
    race.run(race.sweep(seen), race.complete(seen, '"done"'), race.beat("a"), race.claimNext("b")),
  );
  expect(applied(swept) + applied(done)).toBe(1);
  expect((await race.end()).output).toBe(applied(done) === 1 ? '"done"' : null);
  expect(await race.faults()).toEqual([]);
}

describe("of processes that race for one job on the small store, between any two calls of its engine", () => {
  it("one claims it, whichever way they ask", { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(property(oneClaims), SETTINGS);
  });

  it("one ends it, and the next takes over only what was lost", { timeout: TIMEOUT_MS }, async () => {
    await fc.assert(property(oneEnds), SETTINGS);
  });

  it.each([
    ["two claim it", oneClaims],
    ["two end it", oneEnds],
  ])("%s where the engine does not look at the versions", { timeout: TIMEOUT_MS }, async (_story, run) => {
    const { failed } = await fc.check(property(run, false), { ...SETTINGS, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
