import type { Core } from "../context.js";
import type { NextReady } from "../../ports/store.js";
import type { Hints } from "../read/watch.js";
import { createListening, type Listening } from "./listening.js";
import type { RunningNews } from "./running-news.js";
import { createToldWork, type ToldWork } from "./told-work.js";

/** What is told to be due after the grace of a notifier is not: a little before it, so that rounding does not matter. */
const SHORT_OF = 0.95;

/** What a worker does about what it hears. */
export interface EarsOptions {
  /** Kinds that it takes from the store. */
  readonly kinds: readonly string[];
  /** There is work in the store. */
  readonly ready: () => void;
  /** A record must be looked at. */
  readonly due: () => void;
  /** Jobs that run here. */
  readonly running: RunningNews;
}

/** How a worker hears of work, wherever it comes up. */
export interface Ears {
  readonly ready: ToldWork;
  readonly due: ToldWork;
  /** The store was asked for work. @param next - what it says is ready next; `null`: nothing, or it does not say */
  answered(jobs: number, limit: number, next: NextReady | null): void;
  /** Whether new work would be told of. */
  isTold(): boolean;
  stop(): void;
}

/** Opens the ears of a worker; of one that takes nothing from the store they stay open. */
export function openEars(core: Core, hints: Hints, options: EarsOptions): Ears {
  const { clock, time, ids, gateway, policy } = core;
  const kinds = new Set(options.kinds);
  const told = { clock, now: () => time.now(), random: () => ids.random() };
  const ready = createToldWork({
    ...told,
    instantOf: ({ kind, readyAt = null }) => (kinds.has(kind) ? readyAt : undefined),
    wake: options.ready,
  });
  // What is due later is found by the passes before; most of what is due after the grace is a delivery that is being made.
  const horizonMs = Math.min(policy.reconcileIdleMs, policy.notifyGraceMs * SHORT_OF);
  const due = createToldWork({
    ...told,
    instantOf: ({ wakeAt = null }) => (wakeAt === null || wakeAt - time.now() >= horizonMs ? null : wakeAt),
    wake: options.due,
  });
  const listening: Listening = createListening({
    hints,
    clock,
    hear: (hint) => {
      ready.hear(hint);
      due.hear(hint);
      options.running.hear(hint);
    },
    longestMs: () => options.running.longestMs(),
    missed: () => {
      options.ready();
      options.due();
      options.running.missed();
    },
  });
  if (kinds.size === 0) listening.open();
  return {
    ready,
    due,
    answered(jobs, limit, next) {
      ready.answered(jobs, next);
      listening.answered(jobs, jobs >= limit);
    },
    isTold: () => !gateway.store.capabilities.shared || listening.isTold(),
    stop() {
      listening.stop();
      ready.stop();
      due.stop();
      options.running.stop();
    },
  };
}
