import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS } from "./kinds.js";
import type { Random } from "./plans.js";
import type { Workers } from "./workers.js";

/** How often each fault strikes. */
export interface Faults {
  /** A worker is killed and begun again at once. */
  readonly kills: number;
  /** A worker is frozen for longer than its lease, and wakes up believing that it holds its claims. */
  readonly stops: number;
  /** A worker is told to stop, and gives back what it cannot end. */
  readonly orderly: number;
  /** The store's own server is killed and started again. */
  readonly serverKills: number;
}

const FAULTS = ["kills", "stops", "orderly", "serverKills"] as const satisfies readonly (keyof Faults)[];

interface Strike {
  readonly fault: keyof Faults;
  readonly atMs: number;
}

interface NemesisParts {
  readonly workers: Workers;
  readonly random: Random;
  readonly crashServer: (() => Promise<void>) | null;
}

/** Each fault spread over the time, never two in step. */
function drawStrikes(faults: Faults, random: Random, withinMs: number): readonly Strike[] {
  const strikes = FAULTS.flatMap((fault) =>
    Array.from({ length: faults[fault] }, (_, index): Strike => ({
      fault,
      atMs: (withinMs * (index + random())) / faults[fault],
    })),
  );
  return strikes.sort((a, b) => a.atMs - b.atMs);
}

/** Strikes as drawn, and says how often it did. */
export async function torment(
  { workers, random, crashServer }: NemesisParts,
  faults: Faults,
  withinMs: number,
): Promise<Faults> {
  const struck = { kills: 0, stops: 0, orderly: 0, serverKills: 0 };
  const startedAt = Date.now();
  for (const { fault, atMs } of drawStrikes(faults, random, withinMs)) {
    await sleep(Math.max(0, startedAt + atMs - Date.now()));
    if (fault === "serverKills") {
      if (crashServer === null) continue;
      await crashServer();
    } else {
      const name = await victim(workers, random);
      if (fault === "kills") await workers.kill(name);
      if (fault === "stops") workers.freeze(name, LEASE_MS * (1.3 + random()));
      if (fault === "orderly") workers.stopOne(name);
    }
    struck[fault] += 1;
  }
  return struck;
}

/** One that works; the wait is for a machine that takes its time to start one. */
async function victim(workers: Workers, random: Random): Promise<string> {
  for (;;) {
    const names = workers.candidates();
    const name = names[Math.floor(random() * names.length)];
    if (name !== undefined) return name;
    await sleep(20);
  }
}
