import type { Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { DeadlineTimer } from "../run/deadline-timer.js";
import type { OneShot } from "../one-shot.js";
import type { Breaker } from "./breaker.js";
import type { WorkerSettings } from "./options.js";
import type { HeartbeatTimer } from "../run/heartbeat-timer.js";
import type { Gate, Slots } from "./slots.js";
import type { Tasks } from "./tasks.js";

/** What the parts of one worker share. */
export interface WorkerParts {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
  readonly settings: WorkerSettings;
  readonly slots: Slots;
  readonly gate: Gate;
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
  /** Rings when running handlers have had their time. */
  readonly leaving: OneShot;
  /** Work that `stop` waits for. */
  readonly tasks: Tasks;
  /** A record may need a look at once. */
  readonly kickReconciler: () => void;
}
