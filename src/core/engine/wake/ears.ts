import type { Core } from "../context.js";
import type { Hints } from "../read/watch.js";
import { createListening } from "./listening.js";
import { createReadyWork } from "./ready-work.js";

/** How a worker that takes jobs from the store hears of them, wherever they become ready. */
export interface Ears {
  /** The store is being asked for work. */
  asked(): void;
  answered(jobs: number, limit: number): void;
  /** Whether new work would be told of. */
  isTold(): boolean;
  stop(): void;
}

export function openEars(core: Core, hints: Hints, kinds: readonly string[], wake: () => void): Ears {
  const { clock, time, ids, gateway } = core;
  const ready = createReadyWork({
    clock,
    now: () => time.now(),
    random: () => ids.random(),
    kinds: new Set(kinds),
    wake,
  });
  const listening = createListening({ hints, clock, hear: ready.hear, missed: wake });
  return {
    asked: ready.asked,
    answered(jobs, limit) {
      ready.answered(jobs);
      if (jobs < limit) listening.idle();
      else listening.busy();
    },
    isTold: () => !gateway.store.capabilities.shared || listening.isTold(),
    stop() {
      listening.stop();
      ready.stop();
    },
  };
}
