import {
  createWaybill,
  defineJob,
  type Feed,
  memoryStore,
  type Notifier,
  type RelayOptions,
  servedElsewhere,
  type ServedElsewhere,
} from "waybill";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({ kind: "work", input: z.object({}) });
const outside = defineJob({ kind: "outside", input: z.object({}), external: z.object({ id: z.string() }) });

type Notifiers = Readonly<Record<string, Notifier | ServedElsewhere>>;

/** Processes on one store and one feed. */
function world() {
  const clock = fakeClock();
  const store = memoryStore();
  const hub = memoryFeed({ clock });
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
  return {
    clock,
    warnings,
    process: (notifiers: Notifiers, feed: Feed | undefined = hub.second()) =>
      createWaybill({ jobs: [work, outside], store, clock, logger, notifiers, feed }),
  };
}

/** Where no feed joins processes. */
const DEAF: Feed = {
  publish: async () => undefined,
  subscribe: () => Promise.reject(new Error("no feed here")),
  close: async () => undefined,
};

const done = work.handle(async () => null);

describe("a relay", () => {
  it("publishes at once what other processes submit and run, in order", async () => {
    const w = world();
    const ui = memoryNotifier();
    const [web, worker, relaying] = [servedElsewhere(), servedElsewhere(), ui].map((each) =>
      w.process({ ui: each }),
    );
    const relay = relaying!.relay();
    const running = relay.run();
    await w.clock.settle();
    const stop = new AbortController();
    const working = worker!.worker([done], { reconcile: false }).run({ signal: stop.signal });
    await w.clock.runUntil(web!.submit(work, {}).unwrap());
    await w.clock.advance(1_100);
    expect(ui.events.map(({ type }) => type)).toEqual([
      "job.created",
      "job.queued",
      "job.started",
      "job.completed",
    ]);
    stop.abort();
    await w.clock.runUntil(Promise.all([working, relay.stop()]));
    await running;
  });

  it("finds within 10 s what no feed tells of", async () => {
    const w = world();
    const ui = memoryNotifier();
    const web = w.process({ ui: servedElsewhere() }, DEAF);
    const relay = w.process({ ui }, DEAF).relay();
    void relay.run();
    await w.clock.settle();
    for (let second = 0; second < 20; second += 1) {
      await w.clock.runUntil(web.submit(work, {}).unwrap());
      await w.clock.advance(1_000);
    }
    await w.clock.advance(9_000);
    const created = ui.events.filter(({ type }) => type === "job.created");
    expect(created).toHaveLength(20);
    await w.clock.runUntil(relay.stop());
  });

  it("leaves to others what it has no handlers for, and counts none of it as unserved", async () => {
    const w = world();
    const looks: number[] = [];
    const worker = w.process({ ui: servedElsewhere() });
    const relaying = w.process({ ui: memoryNotifier() });
    const handler = outside.handle({
      run: async ({ track }) => track({ id: "a" }),
      poll: async () => {
        looks.push(w.clock.now());
        return { state: "open" as const, nextPollMs: 10_000 };
      },
    });
    const stop = new AbortController();
    const working = worker.worker([handler]).run({ signal: stop.signal });
    const relay = relaying.relay();
    void relay.run();
    await w.clock.runUntil(worker.submit(outside, {}).unwrap());
    await w.clock.advance(300_000);
    const pauses = looks.slice(1).map((at, place) => at - looks[place]!);
    expect(pauses.length).toBeGreaterThan(10);
    expect(Math.max(...pauses)).toBeLessThan(18_000);
    expect((await w.clock.runUntil(relaying.health())).unserved).toBe(0);
    stop.abort();
    await w.clock.runUntil(Promise.all([working, relay.stop()]));
  });

  it("publishes to the notifiers that it is given, and leaves the others to their relays", async () => {
    const w = world();
    const [ui, hook] = [memoryNotifier(), memoryNotifier()];
    const web = w.process({ ui: servedElsewhere(), hook: servedElsewhere() });
    const both = w.process({ ui, hook });
    const relay = both.relay({ notifiers: ["hook"] });
    void relay.run();
    await w.clock.settle();
    await w.clock.runUntil(web.submit(work, {}).unwrap());
    await w.clock.advance(30_000);
    expect([ui.events.length, hook.events.length]).toEqual([0, 2]);
    const other = both.relay({ notifiers: ["ui"] });
    void other.run();
    await w.clock.advance(30_000);
    expect([ui.events.length, hook.events.length]).toEqual([2, 2]);
    await w.clock.runUntil(both.close());
  });

  it("goes on by itself after a failure", async () => {
    const w = world();
    const ui = memoryNotifier();
    ui.failNext("throw", { count: 1_000 });
    const web = w.process({ ui: servedElsewhere() });
    const relay = w.process({ ui }).relay();
    void relay.run();
    await w.clock.settle();
    await w.clock.runUntil(web.submit(work, {}).unwrap());
    await w.clock.advance(20_000);
    expect(ui.events).toHaveLength(0);
    ui.heal();
    await w.clock.advance(60_000);
    expect(ui.events.map(({ type }) => type)).toEqual(["job.created", "job.queued"]);
    await w.clock.runUntil(relay.stop());
  });

  it("waits at its stop for what is under way, and is over then", async () => {
    const w = world();
    let deliver: () => void = () => undefined;
    const published: string[] = [];
    const slow: Notifier = {
      publish: async (events) => {
        await new Promise<void>((resolve) => (deliver = resolve));
        published.push(...events.map(({ type }) => type));
        return events.map(() => ({ status: "delivered" }) as const);
      },
    };
    const web = w.process({ ui: servedElsewhere() });
    const relaying = w.process({ ui: slow });
    const relay = relaying.relay();
    const running = relay.run();
    await w.clock.settle();
    await w.clock.runUntil(web.submit(work, {}).unwrap());
    await w.clock.settle();
    let isOver = false;
    const stopped = relay.stop().then(() => (isOver = true));
    await w.clock.advance(3_000);
    expect(isOver).toBe(false);
    deliver();
    await w.clock.runUntil(stopped);
    await running;
    expect(published).toEqual(["job.created", "job.queued"]);
    await expect(relaying.relay().stop()).resolves.toBeUndefined();
    const again = relaying.relay();
    await again.stop();
    await expect(again.run()).rejects.toMatchObject({ code: "waybill.closed" });
  });

  it("ends with its Waybill", async () => {
    const w = world();
    const relaying = w.process({ ui: memoryNotifier() });
    const running = relaying.relay().run();
    await w.clock.settle();
    await w.clock.runUntil(relaying.close());
    await w.clock.runUntil(running);
    expect(w.clock.pending()).toBe(0);
  });

  const misspelt: object = { notifier: ["ui"] };
  it.each<[string, Notifiers, RelayOptions, RegExp]>([
    ["no notifier at all", {}, {}, /needs at least one notifier/],
    ["one that others serve", { ui: servedElsewhere() }, { notifiers: ["ui"] }, /served elsewhere/],
    ["only what others serve", { ui: servedElsewhere() }, {}, /needs at least one notifier/],
    ["an unknown one", { ui: memoryNotifier() }, { notifiers: ["uii"] }, /not among the notifiers/],
    ["no list", { ui: memoryNotifier() }, { notifiers: "ui" as never }, /must be a list/],
    ["a flag that is none", { ui: memoryNotifier() }, { reconcile: 1 as never }, /reconcile must be/],
    ["a time that is none", { ui: memoryNotifier() }, { shutdownTimeoutMs: -1 }, /shutdownTimeoutMs/],
    ["an unknown option", { ui: memoryNotifier() }, misspelt, /Did you mean notifiers/],
  ])("refuses %s", (_, notifiers, options, sentence) => {
    const waybill = world().process(notifiers);
    expect(() => waybill.relay(options)).toThrow(sentence);
  });
});
