import { describe, expect, it } from "vitest";
import { Breaker } from "../../src/core/engine/relay/lanes/breaker.js";
import { submit } from "../../src/core/engine/submit/submit.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import { defineNotifier, type PublishResult } from "../../src/core/ports/notifier.js";
import { unwrap } from "../../src/core/errors/result.js";
import { WORK, world } from "../support/relay-core.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** `WAYBILL_OUTAGE_JOBS=10000` is the outage of a large application, which takes minutes to hours; it prints its figures. */
const OUTAGE_JOBS = Number(process.env["WAYBILL_OUTAGE_JOBS"] ?? 2_000);
const OUTAGE_TIMEOUT_MS = OUTAGE_JOBS > 2_000 ? 7_200_000 : 60_000;

/** A receiver that is away for a while, and who was told what, when. */
function receiver(now: () => number) {
  const state = { down: true, reason: "503" };
  const calls: { at: number; down: boolean; events: readonly ServerEvent[] }[] = [];
  const notifier = defineNotifier({
    publish: async (events) => {
      calls.push({ at: now(), down: state.down, events });
      const answer: PublishResult = state.down
        ? { status: "retry", reason: state.reason }
        : { status: "delivered" };
      return events.map(() => answer);
    },
  });
  return { state, calls, notifier };
}

/** Jobs that come evenly over a time, while a reconciler passes every few seconds. */
async function outage(jobs: number, lengthMs: number, everyMs = 5_000) {
  const w = world();
  const { state, calls, notifier } = receiver(() => w.clock.now());
  const p = w.process({ notifiers: { ui: notifier }, queue: false });
  const ids: string[] = [];
  const from = w.clock.now();
  const step = async (): Promise<void> => {
    await w.clock.advance(everyMs);
    await p.pass();
  };
  while (w.clock.now() - from < lengthMs) {
    const due = Math.min(jobs, Math.ceil((jobs * (w.clock.now() - from + everyMs)) / lengthMs));
    const submitted = Array.from({ length: due - ids.length }, () => submit(p.core, p.dispatcher, WORK, {}));
    for (const job of await w.run(Promise.all(submitted))) ids.push(unwrap(job).id);
    await step();
  }
  state.down = false;
  const backAt = w.clock.now();
  const told = (): number =>
    new Set(calls.flatMap(({ down, events }) => (down ? [] : events.map(({ id }) => id)))).size;
  return { w, p, ids, calls, state, backAt, step, told };
}

describe("a receiver that is away", () => {
  it(
    "for an hour: every event soon after it is back, few probes, nothing published in vain",
    async () => {
      const jobs = OUTAGE_JOBS;
      const { w, calls, backAt, step, told } = await outage(jobs, HOUR);
      const events = jobs * 2;
      // Until it opens, five calls fail, and a sixth that was under way; then one event at a time is tried.
      expect(calls.length).toBeLessThanOrEqual(5 + 25);
      expect(calls.slice(6).every((call) => call.events.length === 1)).toBe(true);
      while (told() < events && w.clock.now() - backAt < HOUR) await step();
      expect(told()).toBe(events);
      const last = Math.max(...calls.map(({ at }) => at));
      expect(last - backAt).toBeLessThanOrEqual(6 * MINUTE + (events / 200) * 1_000);
      const published = calls.filter(({ down }) => !down).flatMap((call) => call.events);
      const perJob = new Map<string, number>();
      for (const call of calls.filter(({ down }) => !down))
        for (const jobId of new Set(call.events.map((event) => event.jobId)))
          perJob.set(jobId, (perJob.get(jobId) ?? 0) + 1);
      expect(Math.max(...perJob.values())).toBeLessThanOrEqual(2);
      expect(published).toHaveLength(events);
      if (jobs > 2_000) {
        const [probes, most] = [calls.filter(({ down }) => down).length, Math.max(...perJob.values())];
        const figures = {
          jobs,
          events,
          callsWhileDown: probes,
          lastAfterMs: last - backAt,
          mostPublishesOfAJob: most,
        };
        process.stdout.write(`${JSON.stringify(figures)}\n`);
      }
    },
    OUTAGE_TIMEOUT_MS,
  );

  it("is not overrun when it comes back: what waited comes at 200 events a second at most", async () => {
    const { calls, step, told, w, backAt } = await outage(1_000, 10 * MINUTE);
    while (told() < 2_000 && w.clock.now() - backAt < HOUR) await step();
    const drained = calls.filter(({ down }) => !down);
    for (const { at } of drained) {
      const within = drained.filter((call) => call.at >= at && call.at < at + 1_000);
      const sum = within.reduce((events, call) => events + call.events.length, 0);
      expect(sum).toBeLessThanOrEqual(200 + 2 * 20);
    }
  });

  it(
    "for a day: nothing is given up, nor for what waited behind something",
    async () => {
      const jobs = OUTAGE_JOBS > 2_000 ? OUTAGE_JOBS : 30;
      const { w, p, ids, step, told, backAt, calls } = await outage(jobs, 24 * HOUR, MINUTE);
      while (told() < 2 * jobs && w.clock.now() - backAt < HOUR) await step();
      expect(told()).toBe(2 * jobs);
      expect(p.counted).not.toContain("notification_exhausted");
      for (const id of ids)
        expect((await w.read(id)).cursors["ui"]).toMatchObject({ upTo: 2, exhausted: [], since: null });
      if (jobs > 30) {
        const lastAfterMs = Math.max(...calls.map(({ at }) => at)) - backAt;
        const figures = {
          jobs,
          givenUp: 0,
          callsWhileDown: calls.filter(({ down }) => down).length,
          lastAfterMs,
        };
        process.stdout.write(`${JSON.stringify(figures)}\n`);
      }
    },
    OUTAGE_TIMEOUT_MS,
  );

  it("is told of once when it goes and once when it is back", async () => {
    const { p, step } = await outage(20, 10 * MINUTE);
    for (let passes = 0; passes < 80; passes += 1) await step();
    const warned = p.warnings.filter(({ message }) => message.startsWith("a notifier fails"));
    expect(warned.map(({ fields }) => fields)).toEqual([{ notifier: "ui", lane: "", reason: "503" }]);
  });
});

describe("the breaker of a lane", () => {
  it("opens after five failures in a row, probes at doubling distances, and closes with a success", () => {
    const breaker = new Breaker();
    let now = 0;
    for (let failures = 0; failures < 4; failures += 1) breaker.failed(now, "503");
    breaker.succeeded(now);
    for (let failures = 0; failures < 4; failures += 1) expect(breaker.failed(now, "503")).toBe(false);
    expect(breaker.permit(now)).toEqual({ may: "publish" });
    expect(breaker.failed(now, "503")).toBe(true);
    const waits: number[] = [];
    for (let probes = 0; probes < 9; probes += 1) {
      const permit = breaker.permit(now);
      if (permit.may !== "hold") throw new Error(permit.may);
      waits.push((permit.until - now) / 1_000);
      now = permit.until;
      expect(breaker.permit(now)).toEqual({ may: "probe" });
      breaker.started(now, 1);
      expect(breaker.permit(now).may).toBe("pause");
      expect(breaker.failed(now, "503")).toBe(false);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    now += 300_000;
    breaker.started(now, 1);
    expect(breaker.succeeded(now)).toBe(true);
    expect(breaker.permit(now)).toEqual({ may: "publish" });
    breaker.started(now, 20);
    expect(breaker.permit(now)).toEqual({ may: "pause", until: now + 100 });
  });

  it("waits as long as its receiver asks for, at most as long as between two probes", () => {
    const breaker = new Breaker();
    breaker.held(0, 9_000, "429");
    expect(breaker.permit(0)).toEqual({ may: "hold", until: 9_000, reason: "429" });
    expect(breaker.permit(9_000)).toEqual({ may: "publish" });
    breaker.held(9_000, 1e9, "429");
    expect(breaker.permit(9_000)).toMatchObject({ until: 309_000 });
  });

  it("is not taken to be probing when a probe came to nothing", () => {
    const breaker = new Breaker();
    for (let failures = 0; failures < 5; failures += 1) breaker.failed(0, "503");
    breaker.started(5_000, 1);
    breaker.dropped();
    expect(breaker.permit(5_000)).toEqual({ may: "probe" });
  });
});
