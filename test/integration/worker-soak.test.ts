import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { seededIds } from "../../src/testing/seeded-ids.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench } from "../support/worker-bench.js";

const JOBS = 24;

/** Two workers, everything breaks by chance, then it heals: nothing is lost, nothing runs twice under one claim. */
async function soak(seed: number, queued: boolean): Promise<void> {
  const clock = fakeClock();
  const ids = seededIds(seed);
  const queue = memoryQueue({
    clock,
    random: seededIds(seed + 1).random,
    faults: { duplicate: 0.1, reorder: 0.2, redelivery: 0.05 },
  });
  const definition = fakeDefinition({
    kind: "work",
    queue: queued ? "jobs" : null,
    phases: ["a", "b"],
    leaseMs: 6_000,
    retry: { maxAttempts: 50, baseMs: 100, capMs: 2_000 },
  });
  const running = new Set<string>();
  const twice: string[] = [];
  let now = 0;
  let most = 0;
  const handler = fakeHandler(definition, async ({ job, fence, phase, progress, checkpoint, signal }) => {
    const claim = `${(job as { id: string }).id}:${String(fence)}`;
    if (running.has(claim)) twice.push(claim);
    running.add(claim);
    now += 1;
    most = Math.max(most, now);
    try {
      phase("a");
      progress({ done: 1 });
      await new Promise<void>((resolve) => clock.timer(ids.random() * 4_000, resolve));
      if (ids.random() < 0.1) throw new Error("by chance");
      await checkpoint({ at: 1 }).catch(() => undefined);
      phase("b");
      signal.throwIfAborted();
      return claim;
    } finally {
      now -= 1;
    }
  });
  const b = bench({
    clock,
    ids,
    handlers: [handler],
    queues: { jobs: queue },
    worker: { concurrency: 4, reconcile: true },
    policy: { unknownRetryMs: 2_000, redispatchAfterMs: 20_000 },
  });
  const second = b.more([handler], { concurrency: 4, reconcile: true });
  const made: string[] = [];
  for (let count = 0; count < JOBS; count += 1) made.push(await b.submit(definition, count));
  b.faults.random({
    probability: { not_applied: 0.05, request_lost: 0.05, response_lost: 0.08, late: 0.03, delay: 0.1 },
    delayMs: 3_000,
  });
  void b.start();
  void second.run();
  await clock.advance(60_000);
  expect(b.faults.injected.length).toBeGreaterThan(20);
  b.faults.heal();
  queue.faults.heal();
  await clock.advance(15 * 60_000);
  for (const id of made) {
    const record = await b.record(id);
    expect(`${record.status} ${record.failure?.reason ?? ""}`.trim()).toBe("COMPLETED");
    // What is stored is what the last claim returned.
    expect(await b.output(id)).toBe(`"${id}:${String(record.fence)}"`);
    const edges = await b.edges(id);
    expect(edges.filter((edge) => edge === "T5")).toHaveLength(1);
    expect(record.version).toBeGreaterThanOrEqual(edges.length);
  }
  expect(twice).toEqual([]);
  expect(most).toBeLessThanOrEqual(8);
  expect(queue.depth() + queue.inFlight()).toBe(0);
  await Promise.all([b.stop().then(() => clock.runUntil(second.stop()))]);
  expect(clock.pending()).toBe(0);
}

describe("workers while everything breaks by chance", () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    it(`lose no job and run none twice under one claim, over a queue (seed ${String(seed)})`, () =>
      soak(seed, true));
    it(`lose no job and run none twice under one claim, over the store (seed ${String(seed)})`, () =>
      soak(seed, false));
  }
});
