import type { Core } from "../context.js";
import type { PassOptions, Reconciler } from "../reconcile/reconciler.js";
import { createIdle } from "./idle.js";
import { codeOf } from "../run/text.js";

interface LoopParts {
  readonly core: Core;
  readonly reconciler: Reconciler;
  readonly serves: Omit<PassOptions, "budgetMs" | "signal">;
  readonly stopping: AbortSignal;
  /** The pause while there is nothing to do. @default the policy's */
  readonly idleMs?: () => number;
}

/** Passes until it is stopped: soon again while there is something to do, else seldom. */
export interface ReconcileLoop {
  readonly done: Promise<void>;
  /** Something may be due at once. */
  kick(): void;
}

export function reconcileLoop(parts: LoopParts): ReconcileLoop {
  const { core, reconciler, serves, stopping, idleMs = () => core.policy.reconcileIdleMs } = parts;
  const idle = createIdle(core.clock);

  const waitMs = async (): Promise<number> => {
    const { reconcileBusyMs, takeDueHoldMs } = core.policy;
    try {
      // No longer than what is taken is held.
      const report = await reconciler.pass({
        ...serves,
        budgetMs: takeDueHoldMs,
        signal: stopping,
      });
      return report.acted > 0 || report.more ? reconcileBusyMs : idleMs();
    } catch (error) {
      core.logger.warn("a pass of the reconciler failed; the next one follows", {
        code: codeOf(error),
      });
      return idleMs();
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      const ms = await waitMs();
      // Several workers that were started together part ways.
      await idle.nap(ms * (0.75 + core.ids.random() / 2), stopping);
    }
  };

  return {
    done: run(),
    kick() {
      idle.kick();
    },
  };
}
