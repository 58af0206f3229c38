import { expect } from "vitest";
import { CONNECTED } from "./nemesis.js";
import type { Spread } from "./recovery.js";
import type { TortureOptions, TortureResult } from "./torture.js";

/** What runs on every change: 500 jobs under 5 kills. The long run is `scripts/proof-torture.ts`. */
export const SHORT: TortureOptions = {
  seed: Number(process.env["TORTURE_SEED"] ?? 1),
  jobs: 500,
  kills: 5,
  stops: 1,
  orderly: 1,
  serverKills: 0,
  ...CONNECTED,
  workers: 2,
  loadMs: 20_000,
  drainMs: 60_000,
};

/** An idle machine takes half a minute; a loaded one may take several times as long. */
export const TIMEOUT_MS = 300_000;

/** Every promise held, every fault struck, and the kills met jobs at work. */
export function expectClean(name: string, options: TortureOptions, result: TortureResult): void {
  const { violations, struck, evidence, recovery, elapsedMs } = result;
  const { cut, swept, claimedAgain } = recovery;
  console.log(
    `torture of ${name}, seed ${options.seed}: ${evidence.acknowledged.size} jobs in ${elapsedMs} ms; ` +
      `${struck.kills} kills cut off ${cut} claims, swept after ${inWords(swept)}, claimed again after ${inWords(claimedAgain)}`,
  );
  expect(violations).toEqual([]);
  expect(evidence.acknowledged.size).toBe(options.jobs);
  const { kills, stops, orderly, serverKills, silences, lostReplies, exhaustions } = options;
  expect(struck).toEqual({ kills, stops, orderly, serverKills, silences, lostReplies, exhaustions });
  expect(cut).toBeGreaterThan(0);
}

function inWords({ p50, p99 }: Spread): string {
  return `${p50} ms (p50), ${p99} ms (p99)`;
}
