import { setTimeout as sleep } from "node:timers/promises";
import type { Connections } from "./connections.js";
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
  /** A connection of a process to the store's server goes silent, and nobody is told. */
  readonly silences: number;
  /** A connection ends in place of a reply: who asked, or its driver, asks again. */
  readonly lostReplies: number;
  /** Every connection of a worker's pool is taken by something else, for longer than its lease. */
  readonly exhaustions: number;
}

/** Of a process's connections nothing befalls it. */
export const CONNECTED = { silences: 0, lostReplies: 0, exhaustions: 0 };

const FAULTS = [
  ...(["kills", "stops", "orderly", "serverKills"] as const),
  ...(["silences", "lostReplies", "exhaustions"] as const),
] satisfies readonly (keyof Faults)[];

interface Strike {
  readonly fault: keyof Faults;
  readonly atMs: number;
}

interface NemesisParts {
  readonly workers: Workers;
  readonly random: Random;
  /** How long a claim holds. */
  readonly leaseMs: number;
  /** How many jobs a life has begun and not ended; given, a worker is killed in the middle of some. */
  readonly underWay: ((life: string) => number) | null;
  readonly crashServer: (() => Promise<void>) | null;
  /** Those that can be struck; `null`: none. */
  readonly connections: Connections | null;
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
  { workers, random, leaseMs, underWay, crashServer, connections }: NemesisParts,
  faults: Faults,
  withinMs: number,
): Promise<Faults> {
  const struck = { kills: 0, stops: 0, orderly: 0, serverKills: 0, ...CONNECTED };
  // They strike with the next bytes, and hold up nothing else until then.
  const onTheirWay: Promise<unknown>[] = [];
  const startedAt = Date.now();
  // What comes behind an outage comes later by it: it is to meet somebody at work.
  let outageMs = 0;
  for (const { fault, atMs } of drawStrikes(faults, random, withinMs)) {
    await sleep(Math.max(0, startedAt + outageMs + atMs - Date.now()));
    if (fault === "serverKills") {
      if (crashServer === null) continue;
      const crashedAt = Date.now();
      await crashServer();
      outageMs += Date.now() - crashedAt;
    } else if (fault === "silences" || fault === "lostReplies") {
      if (connections === null) continue;
      const strike = connections.strike(fault).then(() => {
        struck[fault] += 1;
      });
      onTheirWay.push(strike);
      continue;
    } else {
      // Each role in its turn is killed; the rest is for those that work.
      const role = fault === "kills" ? workers.roles[struck.kills % workers.roles.length] : undefined;
      const isBusy = fault === "kills" && role === "w" ? underWay : null;
      const name = await victim(workers, random, role ?? "w", isBusy);
      if (fault === "kills") await workers.kill(name);
      if (fault === "stops") workers.freeze(name, leaseMs * (1.3 + random()));
      if (fault === "orderly") workers.stopOne(name);
      if (fault === "exhaustions") workers.exhaust(name);
    }
    struck[fault] += 1;
  }
  await Promise.race([Promise.all(onTheirWay), sleep(MOST_LATE_MS, undefined, { ref: false })]);
  return struck;
}

/** Workers ask all the time: what has not struck by then strikes nobody. */
const MOST_LATE_MS = 60_000;

/** A kill among so many jobs meets one of them before its end is stored. */
const RIPE = 3;
/** Twenty seconds: what does not come to work by then is struck idle. */
const MOST_LOOKS = 1_000;

/** One that is at it; the wait is for a machine that takes its time to start one. */
async function victim(
  workers: Workers,
  random: Random,
  role: string,
  underWay: ((life: string) => number) | null,
): Promise<string> {
  for (let looks = 0; ; looks += 1) {
    const isRipe = (name: string): boolean =>
      underWay === null || looks > MOST_LOOKS || underWay(workers.lifeOf(name)) >= RIPE;
    const names = workers.candidates(role).filter(isRipe);
    const name = names[Math.floor(random() * names.length)];
    if (name !== undefined) return name;
    await sleep(20);
  }
}
