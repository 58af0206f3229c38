import { describe, expect, it } from "vitest";
import { z } from "zod";
import { PollTimes } from "../../src/core/engine/reconcile/poll-times.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { createWaybill, defineJob, type HandlerFor, memoryFeed, memoryStore } from "../../src/index.js";
import { countingStore } from "../../src/testing/counting.js";
import { fakeClock, testWaybill } from "../../src/testing.js";

const convert = defineJob({
  kind: "video.convert",
  input: z.object({ name: z.string() }),
  output: z.object({ url: z.string() }),
  external: z.object({ name: z.string() }),
});

/** Polls may be this much late, and never early. */
const ON_TIME_MS = 250;

/** When each poll began, by job, and when the job had said that it would. */
interface Look {
  readonly name: string;
  readonly at: number;
  readonly saidAt: number;
}

type PollFn = (name: string, look: number) => { readonly nextPollMs?: number } | Promise<object>;

function polling(pollEveryMs: number, poll: PollFn = () => ({}), seed = 1) {
  const looks: Look[] = [];
  const counts = new Map<string, number>();
  const handler: HandlerFor<typeof convert> = convert.handle({
    run: ({ input, track }) => track({ name: input.name }),
    async poll({ ref, job }) {
      const before = counts.get(ref.name) ?? 0;
      counts.set(ref.name, before + 1);
      looks.push({
        name: ref.name,
        at: waybill.clock.now(),
        saidAt: job.awaiting?.nextPollAt.getTime() ?? 0,
      });
      return { state: "open", ...(await poll(ref.name, before)) };
    },
    pollEveryMs,
  });
  const waybill = testWaybill({ jobs: [convert], handlers: [handler], seed });
  return { waybill, looks, of: (name: string) => looks.filter((look) => look.name === name) };
}

function expectOnTime(looks: readonly Look[]): void {
  for (const { at, saidAt } of looks) {
    expect(at - saidAt).toBeGreaterThanOrEqual(0);
    expect(at - saidAt).toBeLessThanOrEqual(ON_TIME_MS);
  }
}

describe("polls, while a worker is awake", () => {
  it.each([300, 1_000, 1_700, 30_000])(
    "every %i ms are on time, and when it is said that they are",
    async (everyMs) => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const { waybill, looks } = polling(everyMs, undefined, seed);
        await waybill.submit(convert, { name: "a" }).unwrap();
        await waybill.advance(12 * everyMs);
        expect(looks.length).toBeGreaterThanOrEqual(Math.floor((12 * everyMs) / (everyMs + ON_TIME_MS)));
        expectOnTime(looks);
      }
    },
  );

  it("are on time as each answer asks", async () => {
    const asked = [700, 100, 4_900, 150, 12_345, 260];
    const { waybill, looks } = polling(30_000, (_, look) => ({ nextPollMs: asked[look % asked.length]! }));
    await waybill.submit(convert, { name: "a" }).unwrap();
    await waybill.advance(200_000);
    expect(looks.length).toBeGreaterThan(40);
    expectOnTime(looks);
  });

  it("of many jobs are on time side by side, and beside a poll that is slow", async () => {
    const slow = async (name: string): Promise<object> => {
      if (name === "slow") await new Promise<void>((resolve) => waybill.clock.timer(40_000, resolve));
      return {};
    };
    const { waybill, looks, of } = polling(3_100, slow);
    for (const name of ["slow", "a", "b", "c", "d"]) {
      await waybill.submit(convert, { name }).unwrap();
      await waybill.advance(777);
    }
    await waybill.advance(100_000);
    for (const name of ["a", "b", "c", "d"]) expect(of(name).length).toBeGreaterThan(25);
    expectOnTime(looks);
  });

  it("come nearer when an event says so", async () => {
    const { waybill, looks } = polling(600_000);
    await waybill.submit(convert, { name: "a" }).unwrap();
    await waybill.advance(5_000);
    await waybill.report(convert, { ref: { name: "a" } }, { state: "open", nextPollMs: 1_500 }).unwrap();
    const dueAt = waybill.clock.now() + 1_500;
    await waybill.advance(1_500 + ON_TIME_MS);
    expect(looks).toMatchObject([{ saidAt: dueAt }]);
    expectOnTime(looks);
  });

  it("come nearer when an event in another process says so, and end when it does", async () => {
    const clock = fakeClock();
    const [store, feed] = [memoryStore(), memoryFeed()];
    const looks: number[] = [];
    const handler = convert.handle({
      run: ({ input, track }) => track({ name: input.name }),
      poll: () => {
        looks.push(clock.now());
        return { state: "open" };
      },
      pollEveryMs: 600_000,
    });
    const composed = () => createWaybill({ jobs: [convert], store, feed, clock });
    const [working, telling] = [composed(), composed()];
    const worker = working.worker([handler]);
    const running = worker.run();
    await clock.runUntil(working.submit(convert, { name: "a" }).unwrap());
    await clock.advance(10_000);
    const tell = (seen: Parameters<typeof telling.report>[2]) =>
      clock.runUntil(telling.report(convert, { ref: { name: "a" } }, seen).unwrap());
    await tell({ state: "open", nextPollMs: 1_500 });
    const dueAt = clock.now() + 1_500;
    await clock.advance(1_500 + ON_TIME_MS);
    expect(looks).toEqual([expect.any(Number)]);
    expect(looks[0]! - dueAt).toBeGreaterThanOrEqual(0);
    await tell({ state: "done", output: { url: "x" } });
    await clock.advance(700_000);
    expect(looks).toHaveLength(1);
    await clock.runUntil(worker.stop());
    await running;
  });

  it("are looked for when they are due, and no more often", async () => {
    const clock = fakeClock();
    const trips = countingStore(memoryStore());
    const handler = convert.handle({
      run: ({ input, track }) => track({ name: input.name }),
      poll: () => ({ state: "open" }),
      pollEveryMs: 60_000,
    });
    const waybill = createWaybill({ jobs: [convert], store: trips.store, clock });
    const worker = waybill.worker([handler]);
    const running = worker.run();
    await clock.runUntil(waybill.submit(convert, { name: "a" }).unwrap());
    await clock.advance(10_000);
    trips.reset();
    await clock.advance(600_000);
    // Ten polls, of which each takes two looks and a busy pause; between them those of an idle loop.
    expect(trips.counts.takeDue).toBeLessThanOrEqual(10 * 4 + 600 / (5 * 0.75));
    await clock.runUntil(worker.stop());
    await running;
  });

  it("are not looked for at every instant while the store is away, and are made when it is back", async () => {
    const { waybill, looks } = polling(300);
    await waybill.submit(convert, { name: "a" }).unwrap();
    await waybill.advance(10_000);
    waybill.fault.outage("store");
    const before = looks.length;
    await waybill.advance(60_000);
    const asked = waybill.fault.injected.filter(({ method }) => method === "takeDue");
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(60 / (5 * 0.75));
    waybill.fault.heal();
    await waybill.advance(30_000);
    expect(looks.length).toBeGreaterThan(before + 20);
  });
});

describe("what is known of polls", () => {
  const kinds = new Map([["a", {} as never]]);
  const open = (id: string, at: number, kind = "a", version = 1) =>
    ({ id, kind, version, poll: null, awaiting: { nextPollAt: at } }) as unknown as JobRecord;

  it("is the earliest, of the kinds that are polled here", () => {
    const polls = new PollTimes(async () => null);
    polls.listen(() => undefined);
    for (const record of [open("1", 500), open("2", 300), open("3", 100, "b")]) polls.note(record);
    expect(polls.nextAt(kinds)).toBe(320);
    polls.note({ ...open("2", 0), awaiting: null });
    expect(polls.nextAt(kinds)).toBe(520);
    polls.note({ ...open("1", 500), poll: { token: "t", until: 900 } });
    expect(polls.nextAt(kinds)).toBe(920);
    polls.lookedAt(920);
    expect(polls.nextAt(kinds)).toBeNull();
  });

  it("is nothing while nobody polls here, and bounded while somebody does", () => {
    const polls = new PollTimes(async () => null);
    polls.note(open("1", 500));
    const deaf = polls.listen(() => undefined);
    expect(polls.nextAt(kinds)).toBeNull();
    for (let id = 0; id < 10_000; id += 1) polls.note(open(String(id), 500));
    polls.note(open("late", 100));
    expect(polls.nextAt(kinds)).toBe(520);
    polls.note(open("7", 200));
    expect(polls.nextAt(kinds)).toBe(220);
    deaf();
    polls.listen(() => undefined);
    expect(polls.nextAt(kinds)).toBeNull();
  });

  it("is read again where another process has changed it, once a version, and not where it is not known", async () => {
    const asked: string[] = [];
    let stored: JobRecord | null = open("1", 300, "a", 3);
    const polls = new PollTimes(async (id) => {
      asked.push(id);
      if (asked.length === 2) throw new Error("the store is away");
      return stored === null ? null : { record: stored };
    });
    polls.listen(() => undefined);
    polls.note(open("1", 500));
    for (const hint of [
      { id: "1", version: 1 },
      { id: "1", version: 2 },
      { id: "1", version: 2 },
      { id: "9", version: 9 },
    ])
      polls.hear(hint);
    await new Promise(setImmediate);
    expect([asked, polls.nextAt(kinds)]).toEqual([["1"], 320]);
    polls.hear({ id: "1", version: 4 });
    await new Promise(setImmediate);
    expect([asked, polls.nextAt(kinds)]).toEqual([["1", "1"], 320]);
    stored = null;
    polls.hear({ id: "1", version: 5 });
    await new Promise(setImmediate);
    expect(polls.nextAt(kinds)).toBeNull();
  });
});
