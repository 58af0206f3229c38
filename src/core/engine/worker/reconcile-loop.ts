import type { Core } from "../context.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import { createIdle } from "./idle.js";
import type { WorkerSettings } from "./options.js";
import { codeOf } from "../run/text.js";

interface LoopParts {
  readonly core: Core;
  readonly reconciler: Reconciler;
  readonly settings: WorkerSettings;
  readonly stopping: AbortSignal;
}

/** Passes until the worker stops: soon again while there is something to do, else seldom. */
export interface ReconcileLoop {
  readonly done: Promise<void>;
  /** Something may be due at once. */
  kick(): void;
}

export function reconcileLoop({ core, reconciler, settings, stopping }: LoopParts): ReconcileLoop {
  const idle = createIdle(core.clock);

  const waitMs = async (): Promise<number> => {
    const { reconcileBusyMs, reconcileIdleMs, takeDueHoldMs } = core.policy;
    try {
      // No longer than what is taken is held.
      const report = await reconciler.pass({
        handlers: settings.handlers,
        budgetMs: takeDueHoldMs,
        signal: stopping,
      });
      return report.acted > 0 || report.more ? reconcileBusyMs : reconcileIdleMs;
    } catch (error) {
      core.logger.warn("a pass of the reconciler failed; the next one follows", {
        code: codeOf(error),
      });
      return reconcileIdleMs;
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
