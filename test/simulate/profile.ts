import type { World } from "./world.js";

/** Which faults a run meets, and how often. Each seed switches families on and off: what all of them together hide, fewer show. */
export interface Profile {
  /** Per call of a process to something outside. */
  readonly calls: {
    readonly notApplied: number;
    readonly requestLost: number;
    readonly responseLost: number;
    readonly late: number;
    readonly slow: number;
  };
  /** Per message. */
  readonly messages: {
    readonly duplicate: number;
    readonly loss: number;
    readonly reorder: number;
    readonly redelivery: number;
  };
  readonly sendRejected: number;
  readonly notifier: {
    readonly retry: number;
    readonly rejected: number;
    readonly throws: number;
    readonly hangs: number;
  };
  readonly feed: { readonly loss: number; readonly duplicate: number; readonly delayMs: number };
  /** What may happen at a tick of chaos; empty: nothing does. */
  readonly chaos: readonly Chaos[];
  readonly chaosEveryMs: number;
  /** How far the clocks of processes may be off. */
  readonly skewMs: number;
  readonly rollbacks: number;
}

export type Chaos = "crash" | "stop" | "pause" | "storeOutage" | "queueOutage" | "partition" | "clockStep";

const HOUR_MS = 3_600_000;

const CALM: Profile = {
  calls: { notApplied: 0, requestLost: 0, responseLost: 0, late: 0, slow: 0 },
  messages: { duplicate: 0, loss: 0, reorder: 0, redelivery: 0 },
  sendRejected: 0,
  notifier: { retry: 0, rejected: 0, throws: 0, hangs: 0 },
  feed: { loss: 0, duplicate: 0, delayMs: 0 },
  chaos: [],
  chaosEveryMs: 5_000,
  skewMs: 0,
  rollbacks: 0,
};

/** Draws the faults of a run. */
export function drawProfile(world: World): Profile {
  const some = (most: number, on = 0.6): number => (world.chance(on) ? world.random() * most : 0);
  const skewMs = world.chance(0.3) ? (world.chance(0.5) ? HOUR_MS : 20_000) : 0;
  const possible: readonly Chaos[] = ["crash", "stop", "pause", "storeOutage", "queueOutage", "partition"];
  const chaos = possible.filter(() => world.chance(0.55));
  return {
    calls: {
      notApplied: some(0.04),
      requestLost: some(0.04),
      responseLost: some(0.06),
      late: some(0.02),
      slow: some(0.08),
    },
    messages: { duplicate: some(0.15), loss: some(0.1), reorder: some(0.6), redelivery: some(0.15) },
    sendRejected: some(0.03, 0.3),
    notifier: { retry: some(0.15), rejected: some(0.01, 0.3), throws: some(0.1), hangs: some(0.02, 0.4) },
    feed: { loss: some(0.3), duplicate: some(0.2), delayMs: world.chance(0.5) ? world.between(1, 500) : 0 },
    chaos: skewMs > 0 && world.chance(0.5) ? [...chaos, "clockStep"] : chaos,
    chaosEveryMs: world.between(3_000, 12_000),
    skewMs,
    rollbacks: world.chance(0.2) ? world.between(1, 2) : 0,
  };
}

/** No faults at all. */
export const NO_FAULTS: Profile = CALM;
