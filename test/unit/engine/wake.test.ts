import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryFeed } from "../../../src/adapters/memory/feed.js";
import { createDryPace } from "../../../src/core/engine/wake/dry-pace.js";
import { createToldWork } from "../../../src/core/engine/wake/told-work.js";
import type { Feed, FeedHint } from "../../../src/core/ports/feed.js";
import type { AnyStore } from "../../../src/core/ports/store.js";
import { createWaybill, defineJob, memoryStore, unwrap } from "../../../src/index.js";
import { fakeClock, type FakeClock } from "../../../src/testing/fake-clock.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import { seededIds } from "../../../src/testing/seeded-ids.js";
import { recordingLogger } from "../../support/engine.js";

const KIND = "sample.work";
const HOUR_MS = 3_600_000;

describe("work that a worker was told of", () => {
  function bench(random = 0.5) {
    const clock = fakeClock();
    const woken: number[] = [];
    const start = clock.now();
    const work = createToldWork({
      clock,
      now: () => clock.now(),
      random: () => random,
      instantOf: ({ kind, readyAt = null }) => (kind === KIND ? readyAt : undefined),
      wake: () => woken.push(clock.now() - start),
    });
    const told = (id: string, inMs: number | null, kind = KIND): void => {
      const readyAt = inMs === null ? null : start + inMs;
      work.hear({ id, kind, version: 1, owner: null, subject: null, readyAt } satisfies FeedHint);
    };
    return { clock, woken, work, told };
  }

  it("is asked for at once, when it is ready, and not of other kinds", async () => {
    const { clock, woken, told, work } = bench();
    told("other", 0, "another.kind");
    told("now", 0);
    work.asked();
    work.answered(1);
    told("later", 700);
    told("soon", 300);
    await clock.advance(1_000);
    expect(woken).toEqual([0, 300, 700]);
    work.stop();
    expect(clock.pending()).toBe(0);
  });

  it("is not asked for where somebody took it first", async () => {
    const { clock, woken, told } = bench();
    told("later", 300);
    told("later", null);
    await clock.advance(1_000);
    expect(woken).toEqual([]);
  });

  it("is asked for once more where the store's clock said that it is not time yet", async () => {
    const { clock, woken, told, work } = bench();
    told("early", 300);
    await clock.advance(300);
    work.asked();
    work.answered(0);
    await clock.advance(150);
    expect(woken).toEqual([300, 400]);
    work.asked();
    work.answered(0);
    await clock.advance(1_000);
    expect(woken).toHaveLength(2);
  });

  it("is what the store says that is ready next, too, until somebody takes it", async () => {
    const { clock, woken, told, work } = bench();
    const start = clock.now();
    work.asked();
    work.answered(0, { id: "later", readyAt: start + 300 });
    await clock.advance(299);
    expect(woken).toEqual([]);
    await clock.advance(1);
    expect(woken).toEqual([300]);
    work.asked();
    work.answered(1, { id: "last", readyAt: start + 700 });
    told("last", null);
    await clock.advance(1_000);
    expect(woken).toEqual([300]);
  });

  it("is not asked for without rest by who is ahead of the store's clock", async () => {
    const { clock, woken, work } = bench(0);
    const readyAt = clock.now() + 300;
    work.asked();
    work.answered(0, { id: "later", readyAt });
    for (let tick = 0; tick < 900; tick += 1) {
      await clock.advance(1);
      if (woken[woken.length - 1] !== 1 + tick) continue;
      work.asked();
      work.answered(0, { id: "later", readyAt });
    }
    expect(woken).toEqual([300, 400, 500, 600, 700, 800, 900]);
  });

  it("is asked for later by who came in vain, and at once again by who gets it", async () => {
    const { clock, woken, told, work } = bench(1);
    const vain = (id: string): void => {
      told(id, clock.now() - start);
      work.asked();
      work.answered(0);
    };
    const start = clock.now();
    vain("a");
    expect(woken).toEqual([0]);
    // Now it waits up to 2 ms, and hears in that time that the job is gone.
    told("b", 0);
    await clock.advance(1);
    told("b", null);
    await clock.advance(10);
    expect(woken).toEqual([0]);
    told("c", 0);
    await clock.advance(2);
    expect(woken).toHaveLength(2);
    work.asked();
    work.answered(1);
    told("d", 0);
    await clock.advance(1);
    work.asked();
    work.answered(1);
    told("e", 0);
    expect(woken).toHaveLength(4);
  });

  it("is remembered within bounds, however much there is", async () => {
    const { clock, woken, told } = bench();
    for (let index = 0; index < 5_000; index += 1) told(`job-${index}`, 100 + index);
    await clock.advance(HOUR_MS);
    expect(woken.length).toBeLessThanOrEqual(1_000);
  });
});

describe("the pace of a worker that has run dry", () => {
  it("grows from 5 ms to the interval where nobody tells, and begins anew with the next job", () => {
    const pace = createDryPace(1_000, () => 0.5);
    const rests = Array.from({ length: 10 }, () => pace.nextMs(false));
    expect(rests).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    pace.found();
    expect(pace.nextMs(false)).toBe(5);
    expect(pace.nextMs(true)).toBe(1_000);
  });

  it("is never two workers' own: a quarter of it is chance", () => {
    expect(createDryPace(1_000, () => 0).nextMs(true)).toBe(750);
    expect(createDryPace(1_000, () => 1).nextMs(true)).toBe(1_250);
  });
});

const work = defineJob({
  kind: KIND,
  input: z.object({}),
  output: z.object({}),
  retry: { maxAttempts: 2, baseMs: 10_000 },
});

/** Processes on one store, told of each other by a feed. */
function fleet(count: number, options: { readonly feed?: boolean; readonly delayMs?: number } = {}) {
  const clock = fakeClock();
  const hub = memoryFeed({ clock, faults: { delayMs: options.delayMs ?? 1 } });
  const inner = memoryStore();
  let claims = 0;
  const processes = Array.from({ length: count }, (_, index) => {
    const counted = interceptStore(inner, (method, _items, call) => {
      if (method === "claim") claims += 1;
      return call();
    });
    const store: AnyStore = { ...counted, capabilities: { ...counted.capabilities, shared: true } };
    return createWaybill({
      jobs: [work],
      store,
      clock,
      logger: recordingLogger().logger,
      // Not public: chance that is the same in each run.
      ...({ ids: seededIds(index + 1) } as object),
      ...(options.feed === false ? {} : { feed: hub.second() }),
    });
  });
  const end = async (): Promise<void> => {
    await clock.runUntil(Promise.all(processes.map((waybill) => waybill.close())));
  };
  return { clock, hub, processes, claims: () => claims, end };
}

type Process = ReturnType<typeof fleet>["processes"][number];

function startWorker(waybill: Process, clock: FakeClock, started: number[], fail = false): void {
  const handler = work.handle(async () => {
    started.push(clock.now());
    if (fail && started.length === 1) throw new Error("not yet");
    return {};
  });
  void waybill.worker([handler], { pollIntervalMs: HOUR_MS, reconcile: false }).run();
}

describe("an idle worker of another process", () => {
  it("begins a job as soon as it is told, whoever submitted it", async () => {
    const { clock, processes, end } = fleet(2);
    const started: number[] = [];
    startWorker(processes[1]!, clock, started);
    await clock.advance(10_000);
    const at = clock.now();
    unwrap(await clock.runUntil(processes[0]!.submit(work, {})));
    await clock.advance(50);
    expect(started.map((each) => each - at)).toEqual([1]);
    await end();
  });

  it("is on time for a delay and a retry that it was told of", async () => {
    const { clock, processes, end } = fleet(2);
    const started: number[] = [];
    startWorker(processes[1]!, clock, started, true);
    await clock.advance(10_000);
    const at = clock.now();
    const { id } = unwrap(await clock.runUntil(processes[0]!.submit(work, {}, { delayMs: 7_000 })));
    await clock.advance(60_000);
    const [first = 0, second = 0] = started;
    expect(first - at - 7_000).toBeGreaterThanOrEqual(0);
    expect(first - at - 7_000).toBeLessThanOrEqual(250);
    expect(await clock.runUntil(processes[0]!.get(work, id))).toMatchObject({ status: "COMPLETED" });
    // Chance takes part of the backoff: what counts is that nobody waited for the interval.
    expect(second - first).toBeLessThanOrEqual(10_250);
    await end();
  });

  it("finds by asking what a hint was lost for, within its interval", async () => {
    const { clock, hub, processes, end } = fleet(2);
    const started: number[] = [];
    const handler = work.handle(async () => {
      started.push(clock.now());
      return {};
    });
    void processes[1]!.worker([handler], { reconcile: false }).run();
    await clock.advance(10_000);
    hub.setFaults({ loss: 1 });
    const at = clock.now();
    await clock.runUntil(processes[0]!.submit(work, {}));
    await clock.advance(1_250);
    expect(started).toHaveLength(1);
    expect(started[0]! - at).toBeGreaterThan(50);
    await end();
  });

  it("asks again at once when hints were lost on the way", async () => {
    const { clock, processes, end, hub } = fleet(2, { delayMs: 0 });
    const started: number[] = [];
    startWorker(processes[1]!, clock, started);
    // Submitted before the worker listens, and after its first look.
    hub.setFaults({ loss: 1 });
    await clock.runUntil(processes[0]!.submit(work, {}));
    await clock.advance(1_000);
    expect(started).toHaveLength(1);
    await end();
  });

  it("is on time for a delay that it was never told of: the store says what is ready next", async () => {
    const { clock, processes, end, hub } = fleet(2, { delayMs: 0 });
    const started: number[] = [];
    const early = clock.now();
    await clock.runUntil(processes[0]!.submit(work, {}, { delayMs: 3_000 }));
    startWorker(processes[1]!, clock, started);
    // Submitted before the worker listens, and after its first look.
    hub.setFaults({ loss: 1 });
    const at = clock.now();
    await clock.runUntil(processes[0]!.submit(work, {}, { delayMs: 7_000 }));
    await clock.advance(60_000);
    expect(started).toHaveLength(2);
    const late = [started[0]! - early - 3_000, started[1]! - at - 7_000];
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThanOrEqual(250);
    await end();
  });

  it("is on time for a delay that came while its link was broken and its hands were full", async () => {
    const clock = fakeClock();
    const hub = memoryFeed({ clock });
    const inner = memoryStore();
    const store: AnyStore = { ...interceptStore(inner, (_method, _items, call) => call()) };
    const shared = { ...store, capabilities: { ...store.capabilities, shared: true } };
    const base = { store: shared, clock, logger: recordingLogger().logger };
    let mend = (): void => undefined;
    const broken: Feed = {
      publish: (hints) => hub.publish(hints),
      subscribe: async (_listener, { onGap } = {}) => {
        mend = onGap!;
        return async () => undefined;
      },
      close: async () => undefined,
    };
    const web = createWaybill({ ...base, jobs: [work], feed: hub.second() });
    const back = createWaybill({ ...base, jobs: [work], feed: broken });
    const started: number[] = [];
    const handler = work.handle(async () => {
      started.push(clock.now());
      await new Promise<void>((resolve) => clock.timer(2_000, resolve));
      return {};
    });
    void back.worker([handler], { concurrency: 1, pollIntervalMs: HOUR_MS, reconcile: false }).run();
    await clock.advance(1_000);
    await clock.runUntil(web.submit(work, {}));
    mend();
    await clock.advance(1_000);
    expect(started).toHaveLength(1);
    const at = clock.now();
    await clock.runUntil(web.submit(work, {}, { delayMs: 7_000 }));
    mend();
    await clock.advance(60_000);
    expect(started).toHaveLength(2);
    const late = started[1]! - at - 7_000;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThanOrEqual(250);
    await clock.runUntil(Promise.all([web.close(), back.close()]));
  });

  it("is on time for a delay without a feed too, and asks no more for it", async () => {
    const { clock, processes, claims, end } = fleet(2, { feed: false });
    const started: number[] = [];
    const at = clock.now();
    await clock.runUntil(processes[0]!.submit(work, {}, { delayMs: HOUR_MS / 2 }));
    startWorker(processes[1]!, clock, started);
    await clock.advance(HOUR_MS / 2 - 60_000);
    const before = claims();
    await clock.advance(59_000);
    expect(claims()).toBe(before);
    await clock.advance(2_000);
    expect(started).toHaveLength(1);
    const late = started[0]! - at - HOUR_MS / 2;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThanOrEqual(250);
    await end();
  });

  it("without a feed asks soon after it has run dry, and then more seldom", async () => {
    const { clock, processes, claims, end } = fleet(2, { feed: false });
    const started: number[] = [];
    const handler = work.handle(async () => {
      started.push(clock.now());
      return {};
    });
    void processes[1]!.worker([handler], { reconcile: false }).run();
    await clock.advance(10_000);
    const before = claims();
    await clock.advance(60_000);
    // One a second.
    expect(claims() - before).toBeGreaterThanOrEqual(48);
    expect(claims() - before).toBeLessThanOrEqual(80);
    await clock.runUntil(processes[0]!.submit(work, {}));
    await clock.advance(1_300);
    expect(started).toHaveLength(1);
    const at = clock.now();
    await clock.advance(3);
    await clock.runUntil(processes[0]!.submit(work, {}));
    await clock.advance(2_000);
    expect(started[1]! - at).toBeLessThanOrEqual(700);
    await end();
  });

  it("is one of few that ask for one job, however many there are", async () => {
    const size = 10;
    const { clock, processes, claims, end } = fleet(size + 1);
    const started: number[] = [];
    for (const waybill of processes.slice(1)) startWorker(waybill, clock, started);
    await clock.advance(10_000);
    // The first jobs teach who is quick.
    for (let round = 0; round < 20; round += 1) {
      await clock.runUntil(processes[0]!.submit(work, {}));
      await clock.advance(200);
    }
    const before = claims();
    const jobs = 50;
    const waits: number[] = [];
    for (let round = 0; round < jobs; round += 1) {
      const at = clock.now();
      await clock.runUntil(processes[0]!.submit(work, {}));
      await clock.advance(200);
      waits.push(started[started.length - 1]! - at);
    }
    expect(started).toHaveLength(20 + jobs);
    // One claim that gets it, one that finds that there is no more; all of a fleet would be twenty.
    expect((claims() - before) / jobs).toBeLessThanOrEqual(3);
    expect(waits.sort((a, b) => a - b)[jobs / 2]).toBeLessThanOrEqual(5);
    await end();
  });

  it("is woken once for many jobs", async () => {
    const { clock, processes, claims, end } = fleet(2);
    const started: number[] = [];
    startWorker(processes[1]!, clock, started);
    await clock.advance(10_000);
    const before = claims();
    await clock.runUntil(
      processes[0]!.submitMany(
        work,
        Array.from({ length: 8 }, () => ({ input: {} })),
      ),
    );
    await clock.advance(100);
    expect(started).toHaveLength(8);
    expect(claims() - before).toBeLessThanOrEqual(3);
    await end();
  });
});

describe("what is due", () => {
  const recover = defineJob({
    kind: "dr.recover",
    input: z.object({}),
    output: z.object({}),
    external: z.object({ id: z.string() }),
    refKeys: ({ id }) => [id],
  });

  /** Two processes: the first only asks, the second works and reconciles. */
  function pair(handlers: (clock: FakeClock) => Parameters<ReturnType<typeof create>["worker"]>[0]) {
    const clock = fakeClock();
    const hub = memoryFeed({ clock });
    const inner = memoryStore();
    const store: AnyStore = { ...interceptStore(inner, (_method, _items, call) => call()) };
    const shared = { ...store, capabilities: { ...store.capabilities, shared: true } };
    const make = () => create(shared, clock, hub.second());
    const [web, back] = [make(), make()];
    void back.worker(handlers(clock), { pollIntervalMs: HOUR_MS }).run();
    return { clock, web, back, run: <T>(promise: Promise<T>) => clock.runUntil(promise) };
  }

  function create(store: AnyStore, clock: FakeClock, feed: ReturnType<typeof memoryFeed>) {
    return createWaybill({ jobs: [work, recover], store, clock, feed, logger: recordingLogger().logger });
  }

  it.each([700, 4_900, 6_300, 33_333])(
    "a poll of external work in %i ms is on time to 250 ms",
    async (everyMs) => {
      const looks: number[] = [];
      const { clock, web, back, run } = pair((time) => [
        recover.handle({
          run: ({ track }) => track({ id: "outside" }),
          poll: async () => {
            looks.push(time.now());
            return { state: "open" as const, nextPollMs: everyMs };
          },
        }),
      ]);
      await clock.advance(3_000);
      await run(web.submit(recover, {}));
      await clock.advance(30_000 + 4 * everyMs);
      expect(looks.length).toBeGreaterThanOrEqual(3);
      for (const [place, at] of looks.entries()) {
        if (place === 0) continue;
        const late = at - looks[place - 1]! - everyMs;
        expect(late).toBeGreaterThanOrEqual(0);
        expect(late).toBeLessThanOrEqual(250);
      }
      await run(back.close());
      await run(web.close());
    },
  );

  it("a cancel from another process reaches external work within 250 ms", async () => {
    const asked: number[] = [];
    const { clock, web, back, run } = pair((time) => [
      recover.handle({
        run: ({ track }) => track({ id: "outside" }),
        poll: async () => ({ state: "open" as const, nextPollMs: HOUR_MS }),
        cancel: async () => {
          asked.push(time.now());
        },
      }),
    ]);
    const job = unwrap(await run(web.submit(recover, {})));
    await clock.advance(120_000);
    const at = clock.now();
    unwrap(await run(web.cancel(job.id)));
    await clock.advance(1_000);
    expect(asked).toHaveLength(1);
    expect(asked[0]! - at).toBeLessThanOrEqual(250);
    await run(back.close());
    await run(web.close());
  });

  it("a cancel from another process reaches a running handler within 250 ms", async () => {
    const stopped: number[] = [];
    const { clock, web, back, run } = pair((time) => [
      work.handle(async (context) => {
        await new Promise<void>((resolve) => {
          context.signal.addEventListener("abort", () => {
            stopped.push(time.now());
            resolve();
          });
        });
        return {};
      }),
    ]);
    const job = unwrap(await run(web.submit(work, {})));
    await clock.advance(3_000);
    const at = clock.now();
    unwrap(await run(web.cancel(job.id)));
    await clock.advance(1_000);
    expect(stopped).toHaveLength(1);
    expect(stopped[0]! - at).toBeLessThanOrEqual(250);
    await run(back.close());
    await run(web.close());
  });
});

describe("an idle worker", () => {
  /** Calls of the store in a minute, by an idle process with a worker. */
  async function minute(feed: boolean): Promise<Readonly<Record<string, number>>> {
    const clock = fakeClock();
    const calls: Record<string, number> = {};
    const counted = interceptStore(memoryStore(), (method, _items, call) => {
      calls[method] = (calls[method] ?? 0) + 1;
      return call();
    });
    const store: AnyStore = { ...counted, capabilities: { ...counted.capabilities, shared: true } };
    const waybill = createWaybill({
      jobs: [work],
      store,
      clock,
      logger: recordingLogger().logger,
      ...(feed ? { feed: memoryFeed({ clock }) } : {}),
      ...({ ids: seededIds(1) } as object),
    });
    void waybill.worker([work.handle(async () => ({}))]).run();
    await clock.advance(60_000);
    for (const method of Object.keys(calls)) calls[method] = 0;
    await clock.advance(60_000);
    await clock.runUntil(waybill.close());
    return calls;
  }

  // One call is one round trip on every engine; these are the figures on the pages of the stores.
  it.each([true, false])("asks its store about 85 times a minute (told of changes: %s)", async (feed) => {
    const calls = await minute(feed);
    expect(calls["claim"]).toBeGreaterThanOrEqual(48);
    expect(calls["claim"]).toBeLessThanOrEqual(70);
    expect(calls["takeDue"]).toBeLessThanOrEqual(16);
    expect(calls["pulse"]).toBeLessThanOrEqual(16);
    expect(calls["purge"]).toBeLessThanOrEqual(6);
    const all = Object.values(calls).reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThanOrEqual(70);
    expect(all).toBeLessThanOrEqual(100);
  });
});
