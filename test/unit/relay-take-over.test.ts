import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import {
  createWaybill,
  defineJob,
  memoryStore,
  servedElsewhere,
  type ServedElsewhere,
} from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";

const work = defineJob({ kind: "work", input: z.object({}), phases: ["here", "there"] });
const other = defineJob({ kind: "other", input: z.object({}) });

type Notifiers = Readonly<Record<string, Notifier | ServedElsewhere>>;

/** Processes on one store and one feed, of which each says how often it reads. */
function world() {
  const clock = fakeClock();
  const inner = memoryStore();
  const hub = memoryFeed({ clock });
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const process = (notifiers: Notifiers) => {
    const reads: number[] = [];
    const store = interceptStore(inner, (method, items, call) => {
      if (method === "read") reads.push(items);
      return call();
    });
    const waybill = createWaybill({
      jobs: [work, other],
      store,
      clock,
      logger,
      notifiers,
      feed: hub.second(),
      // What is heard is heard by hints.
      policy: { watchEveryMs: 3_600_000 },
    });
    return { waybill, reads };
  };
  return {
    clock,
    process,
    /** A process that works on other jobs, and hears of all. */
    async bystander(notifiers: Notifiers) {
      const made = process(notifiers);
      void made.waybill
        .worker([other.handle(async () => null)], { pollIntervalMs: 3_600_000, reconcile: false })
        .run();
      await clock.settle();
      made.reads.length = 0;
      return made;
    },
    submit: (waybill: ReturnType<typeof process>["waybill"]) =>
      clock.runUntil(waybill.submit(work, {}).unwrap()),
  };
}

/** As if the process died once the change was stored: nobody there tells of it. */
const died = servedElsewhere();

describe("another process that has the notifier and hears hints", () => {
  it("takes over after a quarter of a second, and half of one at most", async () => {
    const w = world();
    const ui = memoryNotifier();
    const { waybill } = w.process({ ui: died });
    const alive = await w.bystander({ ui });
    await w.submit(waybill);
    await w.clock.advance(249);
    expect([ui.events.length, alive.reads]).toEqual([0, []]);
    await w.clock.advance(251);
    expect(ui.events.map(({ type }) => type)).toEqual(["job.created", "job.queued"]);
    await w.clock.runUntil(alive.waybill.close());
    expect(w.clock.pending()).toBe(0);
  });

  it("no later where the machine's clock is set back meanwhile", async () => {
    const w = world();
    const ui = memoryNotifier();
    const { waybill } = w.process({ ui: died });
    const alive = await w.bystander({ ui });
    await w.submit(waybill);
    w.clock.step(-3_600_000);
    await w.submit(waybill);
    await w.clock.advance(1_000);
    expect(ui.events).toHaveLength(4);
    await w.clock.runUntil(alive.waybill.close());
  });

  it("publishes nothing of what is delivered, and reads four times a second at most", async () => {
    const w = world();
    const [mine, others] = [memoryNotifier(), memoryNotifier()];
    const { waybill } = w.process({ ui: mine });
    const alive = await w.bystander({ ui: others });
    for (let turn = 0; turn < 20; turn += 1) {
      await w.clock.runUntil(Promise.all(Array.from({ length: 30 }, () => waybill.submit(work, {}))));
      await w.clock.advance(50);
    }
    await w.clock.advance(1_000);
    expect([mine.events.length, others.events.length]).toEqual([1_200, 0]);
    expect(alive.reads.length).toBeGreaterThan(0);
    expect(alive.reads.length).toBeLessThanOrEqual(2 * 4);
    expect(Math.max(...alive.reads)).toBeLessThanOrEqual(100);
    await w.clock.runUntil(alive.waybill.close());
  });

  it("waits anew with every change: whoever makes one is about to tell of it", async () => {
    const w = world();
    const [mine, others] = [memoryNotifier(), memoryNotifier()];
    const { waybill } = w.process({ ui: mine });
    const alive = await w.bystander({ ui: others });
    const busy = work.handle(async ({ phase }) => {
      for (let turns = 0; turns < 20; turns += 1) {
        await new Promise<void>((resolve) => void w.clock.timer(100, resolve));
        phase(turns % 2 === 0 ? "here" : "there");
      }
      return null;
    });
    void waybill.worker([busy], { reconcile: false }).run();
    await w.submit(waybill);
    await w.clock.advance(2_200);
    expect(mine.events.at(-1)?.type).toBe("job.completed");
    await w.clock.advance(1_000);
    expect(others.events).toHaveLength(0);
    expect(alive.reads.length).toBeLessThanOrEqual(2);
    await w.clock.runUntil(Promise.all([waybill.close(), alive.waybill.close()]));
  });

  it("takes over again what changes while it tells of what was before", async () => {
    const w = world();
    const told: string[] = [];
    const slow: Notifier = {
      publish: async (events) => {
        await new Promise<void>((resolve) => void w.clock.timer(200, resolve));
        told.push(...events.map(({ type }) => type));
        return events.map(() => ({ status: "delivered" }));
      },
    };
    const { waybill } = w.process({ ui: died });
    const alive = await w.bystander({ ui: slow });
    const { id } = await w.submit(waybill);
    while (told.length === 0 && alive.reads.length === 0) await w.clock.advance(1);
    await w.clock.advance(50);
    expect(told).toEqual([]);
    await w.clock.runUntil(waybill.cancel(id));
    await w.clock.advance(2_000);
    expect(told.slice(0, 3)).toEqual(["job.created", "job.queued", "job.failed"]);
    await w.clock.runUntil(alive.waybill.close());
  });

  it("reads nothing of what it told itself, nor of jobs that nobody is told of", async () => {
    const w = world();
    const alive = await w.bystander({ ui: memoryNotifier() });
    const { waybill } = w.process({});
    for (let jobs = 0; jobs < 20; jobs += 1) {
      await w.submit(alive.waybill);
      await w.submit(waybill);
      await w.clock.advance(100);
    }
    await w.clock.advance(2_000);
    expect(alive.reads).toEqual([]);
    await w.clock.runUntil(alive.waybill.close());
  });

  it("gives others as long as its own calls have taken of late, and half as long again at random", async () => {
    const w = world();
    const told: string[] = [];
    const slow: Notifier = {
      publish: async (events) => {
        await new Promise<void>((resolve) => void w.clock.timer(1_000, resolve));
        told.push(...events.map(({ jobId }) => jobId));
        return events.map(() => ({ status: "delivered" }));
      },
    };
    const { waybill } = w.process({ ui: died });
    const alive = await w.bystander({ ui: slow });
    await w.submit(alive.waybill);
    await w.clock.advance(5_000);
    told.length = 0;
    alive.reads.length = 0;
    const { id } = await w.submit(waybill);
    await w.clock.advance(1_999);
    expect(alive.reads).toEqual([]);
    await w.clock.advance(3_100);
    expect(new Set(told)).toEqual(new Set([id]));
    await w.clock.runUntil(alive.waybill.close());
  });

  it("is one of several that do so only now and then: who comes later sees that it is done", async () => {
    const w = world();
    const { waybill } = w.process({ ui: died });
    const notifiers = Array.from({ length: 8 }, () => memoryNotifier());
    const fleet = [];
    for (const ui of notifiers) fleet.push(await w.bystander({ ui }));
    for (let jobs = 0; jobs < 25; jobs += 1) {
      await w.submit(waybill);
      await w.clock.advance(2_000);
    }
    const events = notifiers.flatMap((each) => each.events);
    expect(new Set(events.map(({ id }) => id)).size).toBe(50);
    expect(events.length).toBeLessThanOrEqual(55);
    for (const each of fleet) await w.clock.runUntil(each.waybill.close());
  });
});
