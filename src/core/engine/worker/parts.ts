import type { Core } from "../context.js";
import { type InContext, neutralContext } from "../../environment/neutral-context.js";
import { createOneShot, type OneShot } from "../one-shot.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import { createDeadlineTimer, type DeadlineTimer } from "../run/lease/deadline-timer.js";
import { createHeartbeatTimer, type HeartbeatTimer } from "../run/lease/heartbeat-timer.js";
import { monotonic } from "../run/lease/monotonic.js";
import type { Dispatcher } from "../submit/dispatch.js";
import { type Breaker, createBreaker } from "./breaker.js";
import type { WorkerSettings } from "./options.js";
import { createIsolation, type Isolation } from "./isolation.js";
import { createGate, createSlots, type Gate, type Slots } from "./slots.js";
import { createTasks, type Tasks } from "./tasks.js";

/** What the parts of one worker, or of one intake of pushed messages, share. */
export interface WorkerParts {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
  readonly settings: WorkerSettings;
  readonly slots: Slots;
  readonly gate: Gate;
  readonly isolation: Isolation;
  /** The context in which the worker was made: handlers begin in it, whoever's answer brought their job. */
  readonly neutral: InContext;
  readonly breaker: Breaker;
  /** Time that never goes back. */
  readonly now: () => number;
  readonly heartbeatTimer: HeartbeatTimer;
  /** By `now`. */
  readonly deadlineTimer: DeadlineTimer;
  /** Aborted when the worker is to stop: no new work from then on. For the few loops. */
  readonly stopping: AbortSignal;
  /** The same for the many jobs. */
  readonly closing: OneShot;
  /** Fires when running handlers have had their time. */
  readonly leaving: OneShot;
  /** Work that `stop` waits for. */
  readonly tasks: Tasks;
  /** A record may need a look at once. */
  readonly kickReconciler: () => void;
  /** The longest lease that a claim asks for; `null`: the kind's own. */
  readonly leaseCapMs: () => number | null;
}

interface Made {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
  readonly settings: WorkerSettings;
  readonly kickReconciler: () => void;
  readonly leaseCapMs?: () => number | null;
}

/** Makes the parts of a worker, and what stops them. */
export function createWorkerParts(made: Made): { readonly parts: WorkerParts; readonly stop: () => void } {
  const { core, settings, leaseCapMs = () => null } = made;
  const stopping = new AbortController();
  const closing = createOneShot();
  const now = monotonic(core.clock);
  const slots = createSlots(settings.concurrency + settings.prefetch);
  const parts: WorkerParts = {
    ...made,
    leaseCapMs,
    slots,
    isolation: createIsolation(slots, core.clock),
    neutral: neutralContext(),
    gate: createGate(settings.concurrency),
    breaker: createBreaker(core),
    now,
    heartbeatTimer: createHeartbeatTimer(core.clock, now, core.ids.random()),
    deadlineTimer: createDeadlineTimer(core.clock, now),
    stopping: stopping.signal,
    closing,
    leaving: createOneShot(),
    tasks: createTasks(core.logger),
  };
  const stop = (): void => {
    stopping.abort();
    closing.fire();
  };
  return { parts, stop };
}
