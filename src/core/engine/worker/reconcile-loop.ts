import { sleep } from "../../clock.js";
import type { Core } from "../context.js";
import type { PassOptions, Reconciler } from "../reconcile/reconciler.js";
import { createIdle } from "./idle.js";
import { codeOf } from "../run/text.js";
import type { Ears } from "../wake/ears.js";

interface LoopParts {
  readonly core: Core;
  readonly reconciler: Reconciler;
  readonly serves: Omit<PassOptions, "budgetMs" | "signal">;
  readonly stopping: AbortSignal;
  /** The pause while there is nothing to do. @default the policy's */
  readonly idleMs?: () => number;
  /** How it hears of what is due. @default it does not */
  readonly ears?: Ears | null;
}

/** Reconcilers that wait for the same instant part ways by it. */
const PART_WAYS_MS = 50;
/** However often something is due at once: passes that follow each other share what they find. */
const SHORTEST_PAUSE_MS = 200;

/** Passes until it is stopped: soon again while there is something to do, else seldom. */
export interface ReconcileLoop {
  readonly done: Promise<void>;
  /** Something may be due at once. */
  kick(): void;
}

export function reconcileLoop(parts: LoopParts): ReconcileLoop {
  const { core, reconciler, serves, stopping, ears = null } = parts;
  const { idleMs = () => core.policy.reconcileIdleMs } = parts;
  const idle = createIdle(core.clock);

  const waitMs = async (): Promise<number> => {
    const { reconcileBusyMs, takeDueHoldMs } = core.policy;
    try {
      ears?.due.asked();
      // No longer than what is taken is held.
      const report = await reconciler.pass({
        ...serves,
        budgetMs: takeDueHoldMs,
        signal: stopping,
      });
      ears?.due.answered(report.looked);
      return report.acted > 0 || report.more ? reconcileBusyMs : idleMs();
    } catch (error) {
      core.logger.warn("a pass of the reconciler failed; the next one follows", {
        code: codeOf(error),
      });
      return idleMs();
    }
  };

  /** Not beyond the next instant at which something is due, as far as the store told it. */
  const untilNext = (ms: number): number => {
    const nextDueAt = reconciler.nextDueAt();
    if (nextDueAt === null) return ms;
    return Math.min(ms, Math.max(1, nextDueAt - core.time.now() + core.ids.random() * PART_WAYS_MS));
  };

  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      const begunAt = core.clock.now();
      const ms = await waitMs();
      // Several workers that were started together part ways.
      await idle.nap(untilNext(ms * (0.75 + core.ids.random() / 2)), stopping);
      // A clock that was set back makes nobody wait longer.
      const restMs = SHORTEST_PAUSE_MS - Math.max(0, core.clock.now() - begunAt);
      if (restMs > 0) await sleep(core.clock, restMs, stopping, true);
    }
  };

  return {
    done: run(),
    kick() {
      idle.kick();
    },
  };
}
