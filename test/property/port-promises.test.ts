import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { createWaybill } from "../../src/core/create-waybill.js";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults, type Faults } from "../../src/testing/faults/faults.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { recordingLogger } from "../support/engine.js";
import { type Breaches, breaches } from "./port-promises/breaches.js";
import { strictQueue } from "./port-promises/queue.js";
import { strictStore } from "./port-promises/store.js";
import { strictFeed, strictNotifier } from "./port-promises/told.js";

const input = z.object({ of: z.string(), ms: z.number(), fails: z.boolean() });
const output = z.number();
const stored = defineJob({ kind: "test.stored", input, output, subject: ({ of }) => of });
const queued = defineJob({ kind: "test.queued", queue: "far", input, output, subject: ({ of }) => of });
const external = z.object({ key: z.string() });
const outside = defineJob({ kind: "test.outside", input, output, external, refKeys: ({ key }) => [key] });
const JOBS = [stored, queued, outside] as const;

const ROUNDS = 8;
const WITH_FAULTS = { not_applied: 0.03, request_lost: 0.03, response_lost: 0.04, late: 0.02, delay: 0.04 };
const ignore = (): void => undefined;

/** Chance that a seed decides. */
function draws(seed: number) {
  let state = seed * 2_654_435_761 + 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(random() * most);
  return { random, below, one: <T>(of: readonly T[]): T => of[below(of.length)] as T };
}

type Draws = ReturnType<typeof draws>;

/** What all processes share; each has an end of its own, which it closes. */
function world(seed: number) {
  const clock = fakeClock();
  const chance = draws(seed);
  const maxBatch = [1, 2, 7, 1_000][seed % 4] ?? 1;
  const faults = createFaults({ clock, seed });
  const store = memoryStore();
  const queue = memoryQueue({
    clock,
    random: chance.random,
    maxBatch: Math.min(maxBatch, 10),
    maxReceives: 3,
    visibilityMs: 20_000,
    maxDelayMs: 60_000,
    ordered: seed % 3 === 0,
  });
  return { clock, chance, maxBatch, faults, store, queue, feed: memoryFeed(), found: breaches() };
}

type World = ReturnType<typeof world>;

const stays = async (): Promise<void> => undefined;

function endOfStore({ store, maxBatch }: World, writeThenClaim: boolean): AnyStore {
  const capabilities = { ...store.capabilities, maxBatch, writeThenClaim };
  return { ...interceptStore(store, (_method, _items, call) => call()), capabilities, close: stays };
}

function endOfQueue({ queue }: World): Queue {
  const { capabilities, deadLetters } = queue;
  return {
    capabilities,
    deadLetters: { receive: (request) => deadLetters.receive(request) },
    send: (messages) => queue.send(messages),
    receive: (request) => queue.receive(request),
    backlog: () => queue.backlog(),
    close: stays,
  };
}

/** One process, whose parts judge what they are asked. */
function process(w: World, writeThenClaim: boolean) {
  const { clock, found, faults, maxBatch, chance } = w;
  const store = strictStore(faults.wrapStore(endOfStore(w, writeThenClaim)), found);
  const queue = strictQueue(faults.wrapQueue(endOfQueue(w)), { clock, found });
  const receiver = memoryNotifier({
    lane: ({ owner, version }) => `${owner ?? ""} ${String(version % 2)}`,
    maxBatch,
    timeoutMs: 5_000,
  });
  const notifier = strictNotifier(faults.wrapNotifier(receiver), { clock, found });
  const feed = strictFeed(w.feed.second(), { clock, found });
  const waybill = createWaybill({
    jobs: JOBS,
    store,
    queues: { far: queue },
    notifiers: { told: notifier },
    feed,
    clock,
    logger: recordingLogger().logger,
    policy: { redispatchAfterMs: 60_000, awaitTimeoutMs: 120_000, retainMs: 120_000 },
  });
  const run = async ({
    input: { ms, fails },
    signal,
  }: {
    input: z.infer<typeof input>;
    signal: AbortSignal;
  }) => {
    if (ms > 0) {
      await new Promise<void>((resolve) => {
        clock.timer(ms, resolve);
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
    }
    if (fails && chance.below(2) === 0) throw new Error("no luck");
    return 1;
  };
  const handlers = [
    stored.handle(run),
    queued.handle(run),
    outside.handle({
      run: (context) => context.track({ key: context.input.of }),
      poll: () => (chance.below(3) === 0 ? { state: "done", output: 1 } : { state: "open" }),
    }),
  ];
  const start = () => {
    const prefetch = chance.one([0, 20]);
    const made = waybill.worker(handlers, {
      concurrency: 1 + chance.below(12),
      prefetch,
      shutdownTimeoutMs: 3_000,
    });
    void made.run();
    return made;
  };
  return { store, queue, receiver, feed, waybill, worker: start(), start };
}

type Process = ReturnType<typeof process>;

function itemsOf({ below }: Draws) {
  return Array.from({ length: below(3) === 0 ? 120 : 5 }, () => ({
    input: { of: `s${String(below(5))}`, ms: below(4) === 0 ? below(70_000) : 0, fails: below(4) === 0 },
    owner: below(3) === 0 ? null : `o${String(below(3))}`,
    ...(below(3) === 0 ? { idempotencyKey: `k${String(below(40))}` } : {}),
    ...(below(4) === 0 ? { delayMs: below(90_000) } : {}),
    ...(below(9) === 0 ? { subject: "x".repeat(200 + below(50)) } : {}),
  }));
}

/** What callers ask at any time; what breaks for them is not the matter here. */
function callers({ waybill }: Process, { below, one }: Draws, ids: readonly string[]): void {
  const id = ids.length === 0 ? "none" : one(ids);
  const calls: readonly (() => PromiseLike<unknown>)[] = [
    () => waybill.cancel(id),
    () => waybill.rerun(id),
    () => waybill.report(outside, { ref: `s${String(below(5))}` }, { state: "done", output: 2 }),
    async () => {
      for (const given of (await waybill.undelivered()).items) await waybill.redeliver(given);
    },
    () => waybill.reconcile({ budgetMs: 5_000 }),
    async () => {
      const { next } = await waybill.list({ owner: "o1", limit: 1 + below(5) });
      if (next !== null) await waybill.list({ owner: "o1", limit: 3, cursor: next });
    },
  ];
  for (const call of calls) void Promise.resolve().then(call).then(ignore, ignore);
}

async function breaks({ clock, chance, faults, queue }: World, receiver: Process["receiver"]): Promise<void> {
  const failure = chance.one(["retry", "held", "rejected", "throw", "hang"] as const);
  receiver.failNext(failure, { count: 1 + chance.below(4), afterMs: chance.below(9_000) });
  const dedupId = `odd-${String(chance.random())}`;
  if (chance.below(4) === 0) await queue.send([{ body: "no pointer", delayMs: 0, dedupId, groupId: "odd" }]);
  if (chance.below(4) === 0) faults.outage(chance.one(["store", "queue"]));
  await clock.advance(chance.below(8_000));
}

/** Some minutes of two processes, with everything at once. */
async function life(seed: number): Promise<Breaches["list"]> {
  const w = world(seed);
  const { clock, chance, faults, found } = w;
  const heal = (f: Faults): void => {
    f.heal();
    if (seed % 2 === 1) f.random({ probability: WITH_FAULTS });
  };
  const processes = [process(w, true), process(w, false)];
  const ids: string[] = [];
  heal(faults);
  for (let round = 0; round < ROUNDS; round += 1) {
    const p = chance.one(processes);
    void p.waybill.submitMany(chance.one(JOBS), itemsOf(chance)).then((results) => {
      for (const result of results) if (result.ok) ids.push(result.value.id);
    }, ignore);
    await clock.advance(chance.below(20_000));
    callers(p, chance, ids);
    await breaks(w, p.receiver);
    heal(faults);
    if (chance.below(4) > 0) continue;
    await clock.runUntil(p.worker.stop());
    p.worker = p.start();
  }
  faults.heal();
  await clock.advance(30_000);
  await clock.runUntil(Promise.all(processes.map(({ waybill }) => waybill.close())));
  await clock.advance(120_000);
  expect(ids.length).toBeGreaterThan(0);
  for (const { queue, feed, store } of processes) {
    found.check(queue.open() === 0, `${String(queue.open())} receives and deliveries that nobody ended`);
    found.check(feed.listeners() === 0, "feed: a listener after close");
    found.check(store.asked.get("close") === 1, "store: not closed once");
  }
  return found.list;
}

describe("what the core asks of adapters", () => {
  it.each([1, 2, 3, 4])("is what the ports say, with batches and faults of seed %i", async (seed) => {
    expect(await life(seed)).toEqual([]);
  });
});
