import { afterAll, describe, expect, it } from "vitest";
import { replayText } from "./report.js";
import { simulate } from "./simulation.js";

/**
 * The faults of every run start from its seed alone: `SEED=17 npx vitest run test/simulate` runs one of them again. These
 * are the first of the ten thousand of `npm run proof`.
 */
const SEEDS = 60;
const STEPS = 5_000;
const AT_ONCE = 20;
const PATIENCE_MS = 300_000;

const only = process.env["SEED"];
const steps = Number(process.env["STEPS"] ?? STEPS);

async function holds(seed: number): Promise<Awaited<ReturnType<typeof simulate>>> {
  const result = await simulate({ seed, steps });
  expect(result.violations, replayText(result, steps)).toEqual([]);
  expect(result.steps).toBeGreaterThanOrEqual(steps);
  return result;
}

describe.runIf(only !== undefined)("one simulated run", () => {
  it(
    `of seed ${String(only)} keeps every promise`,
    async () => {
      await holds(Number(only));
    },
    PATIENCE_MS,
  );
});

describe.runIf(only === undefined)("the whole library, simulated", () => {
  const injected: Record<string, number> = {};
  let jobs = 0;

  for (let first = 1; first <= SEEDS; first += AT_ONCE) {
    it(
      `keeps every promise while everything breaks (seeds ${String(first)} to ${String(first + AT_ONCE - 1)})`,
      async () => {
        for (let seed = first; seed < first + AT_ONCE; seed += 1) {
          const result = await holds(seed);
          jobs += result.jobs;
          for (const [fault, count] of Object.entries(result.injected)) {
            injected[fault] = (injected[fault] ?? 0) + count;
          }
        }
      },
      PATIENCE_MS,
    );
  }

  it("has met every kind of fault, more than once or twice", () => {
    expect(jobs).toBeGreaterThan(20 * SEEDS);
    for (const fault of EXPECTED) expect(injected[fault] ?? 0, fault).toBeGreaterThan(2);
  });

  it(
    "goes the same way twice from one seed",
    async () => {
      const hashes = new Set<string>();
      for (const seed of [7, 27, 47]) {
        const first = await simulate({ seed, steps });
        const second = await simulate({ seed, steps });
        expect(second.hash, `seed ${String(seed)}`).toBe(first.hash);
        expect(second.steps).toBe(first.steps);
        hashes.add(first.hash);
      }
      // Else the hash would say nothing.
      expect(hashes.size).toBe(3);
    },
    PATIENCE_MS,
  );

  afterAll(() => {
    if (process.env["REPORT"] !== undefined) console.log(JSON.stringify({ jobs, injected }, null, 2));
  });
});

const CALLS = ["notApplied", "requestLost", "responseLost", "late", "slow"];
const EXPECTED = [
  ...CALLS.map((fate) => `store.${fate}`),
  ...CALLS.map((fate) => `queue.${fate}`),
  ...CALLS.map((fate) => `notifier.${fate}`),
  "notifier.retry",
  "notifier.rejected",
  "notifier.throws",
  "notifier.hangs",
  "queue.duplicate",
  "queue.loss",
  "queue.reorder",
  "queue.redelivery",
  "queue.sendRejected",
  "crash",
  "stop",
  "pause",
  "storeOutage",
  "queueOutage",
  "partition",
  "clockStep",
  "rollback",
];
