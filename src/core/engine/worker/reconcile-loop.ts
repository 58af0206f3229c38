import { monotonicNow } from "../../environment/clock.js";
import { codeOf, type Core } from "../context.js";
import { POLL_GRAIN_MS } from "../reconcile/pass.js";
import type { PassOptions, Reconciler } from "../reconcile/reconciler.js";
import { createIdle } from "./idle.js";
import type { Ears } from "../wake/ears.js";

interface LoopParts {
  readonly core: Core;
  readonly reconciler: Reconciler;
  readonly serves: Omit<PassOptions, "budgetMs" | "signal" | "leavesSlow">;
  readonly stopping: AbortSignal;
  /** The pause while there is nothing to do. @default the policy's */
  readonly idleMs?: () => number;
  /** How it hears of what is due. @default it does not */
  readonly ears?: Ears | null;
}

/** Reconcilers that wait for the same instant part ways by it. */
const PART_WAYS_MS = 50;

/** Passes until it is stopped: soon again while there is something to do, else seldom, and when a poll is due that is known here. */
export interface ReconcileLoop {
  readonly done: Promise<void>;
  /** Something may be due at once. */
  kick(): void;
  /** It was told that something is due: passes that are asked for so share what they find. */
  due(): void;
}

/** The last pass, and what was heard since it began. */
interface LastPass {
  at: number;
  failed: boolean;
  /** Something is due by now. */
  told: boolean;
}

/** How long until a known poll, or what the store or others told of, is to be looked for. */
function untilLookMs({ core, reconciler, serves }: LoopParts, last: LastPass): number {
  const soonestMs = last.at + POLL_GRAIN_MS - monotonicNow(core.clock);
  if (last.told) return soonestMs;
  // A store in trouble is not asked whenever something is due.
  if (last.failed) return Number.POSITIVE_INFINITY;
  const now = core.time.now();
  const pollAt = reconciler.polls.nextAt(serves.handlers) ?? Number.POSITIVE_INFINITY;
  const nextDueAt = reconciler.nextDueAt() ?? Number.POSITIVE_INFINITY;
  const dueAt = nextDueAt + core.ids.random() * PART_WAYS_MS;
  return Math.max(Math.min(pollAt, dueAt) - now, soonestMs);
}

export function reconcileLoop(parts: LoopParts): ReconcileLoop {
  const { core, reconciler, serves, stopping, ears = null } = parts;
  const { idleMs = () => core.policy.reconcileIdleMs } = parts;
  const idle = createIdle(core.clock);
  let kicked = false;
  const last: LastPass = { at: 0, failed: false, told: false };

  const waitMs = async (): Promise<number> => {
    const { reconcileBusyMs, takeDueHoldMs } = core.policy;
    last.at = monotonicNow(core.clock);
    last.failed = false;
    last.told = false;
    ears?.due.asked();
    try {
      // No longer than what is taken is held.
      const report = await reconciler.pass({
        ...serves,
        leavesSlow: true,
        budgetMs: takeDueHoldMs,
        signal: stopping,
      });
      ears?.due.answered(report.looked);
      return report.acted > 0 || report.more ? reconcileBusyMs : idleMs();
    } catch (error) {
      last.failed = true;
      core.logger.warn("a pass of the reconciler failed; the next one follows", {
        code: codeOf(error),
      });
      return idleMs();
    }
  };

  /** Until the time is over, a poll is due, or somebody kicks; what is learnt of polls meanwhile may shorten it. */
  const nap = async (ms: number): Promise<void> => {
    const endAt = monotonicNow(core.clock) + ms;
    while (!kicked && !stopping.aborted) {
      const leftMs = Math.min(endAt - monotonicNow(core.clock), untilLookMs(parts, last));
      if (leftMs <= 0) break;
      await idle.nap(leftMs, stopping);
    }
    kicked = false;
  };

  const run = async (): Promise<void> => {
    const deaf = reconciler.polls.listen(() => {
      idle.kick();
    });
    while (!stopping.aborted) {
      const ms = await waitMs();
      // Several workers that were started together part ways.
      await nap(ms * (0.75 + core.ids.random() / 2));
    }
    deaf();
  };

  return {
    done: run(),
    kick() {
      kicked = true;
      idle.kick();
    },
    due() {
      last.told = true;
      idle.kick();
    },
  };
}
