import { sleep } from "../../environment/clock.js";
import { WaybillError } from "../../errors/errors.js";
import type { RuntimeHandler } from "../../handler.js";
import { onAbort } from "../../live/on-abort.js";
import type { Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";
import type { Hints } from "../read/watch.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import { type Ears, openEars } from "../wake/ears.js";
import { createRunningNews } from "../wake/running-news.js";
import { keepAlive } from "./keep-alive.js";
import { createWorkerParts, type WorkerParts } from "./parts.js";
import { checkWorker, type WorkerOptions, type WorkerSettings } from "./options.js";
import { logFindings } from "./messages/queue-check.js";
import { queueLoop } from "./messages/queue-loop.js";
import { type ReconcileLoop, reconcileLoop } from "./reconcile-loop.js";
import { StoreLoop } from "./store-loop.js";

export type { WorkerOptions } from "./options.js";

/** A worker as its owner holds it. */
export interface WorkerHandle {
  /**
   * Works until it is stopped, or the signal aborts; resolves when that is done. Never rejects for a job's error. Called
   * again, it is the same run.
   *
   * @throws WaybillError `waybill.closed` when it was stopped before
   */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Stops: nothing new is taken, the signals of running handlers are aborted with `ShuttingDown`, and those that end
   * normally count. What still runs after `shutdownTimeoutMs` is given back, its attempt with it. Resolves when done.
   */
  stop(): Promise<void>;
  /** There may be new work in the store: looks at once. */
  wakeUp(): void;
}

/** What is waited for at most when even giving back does not end. */
const LAST_WAIT_MS = 5_000;

/**
 * @param hints - where changes are heard of. @default nowhere: work is found by asking
 * @throws WaybillError `config.invalid`, `config.kind_unknown` or `config.capability_missing`
 */
export function createWorker(
  core: Core,
  dispatcher: Dispatcher,
  reconciler: Reconciler,
  handlers: readonly RuntimeHandler[],
  options: WorkerOptions = {},
  hints: Hints | null = null,
): WorkerHandle {
  return new Worker(core, dispatcher, reconciler, checkWorker(core, handlers, options), hints);
}

class Worker implements WorkerHandle {
  readonly #parts: WorkerParts;
  readonly #stop: () => void;
  readonly #hints: Hints | null;
  readonly #storeLoop: StoreLoop;
  #reconcileLoop: ReconcileLoop | null = null;
  #running: Promise<void> | null = null;

  constructor(
    core: Core,
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    settings: WorkerSettings,
    hints: Hints | null,
  ) {
    const { parts, stop } = createWorkerParts({
      core,
      dispatcher,
      reconciler,
      settings,
      kickReconciler: () => {
        this.#reconcileLoop?.kick();
      },
    });
    this.#parts = parts;
    this.#stop = stop;
    this.#hints = hints;
    this.#storeLoop = new StoreLoop(this.#parts);
  }

  async run({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#running === null && this.#parts.stopping.aborted) {
      throw new WaybillError("waybill.closed", "This worker was stopped.");
    }
    const stop = (): void => {
      void this.stop();
    };
    if (signal?.aborted === true) stop();
    const deaf = onAbort(signal, stop);
    this.#running ??= this.#work();
    await this.#running;
    deaf();
  }

  async stop(): Promise<void> {
    this.#stop();
    // Whoever is called by the Waybill and awaits this would wait for itself.
    if (!this.#parts.core.reentry.isInside()) await this.#running;
  }

  wakeUp(): void {
    this.#storeLoop.kick();
  }

  async #work(): Promise<void> {
    const { core, settings, tasks, closing } = this.#parts;
    const { queues, storeKinds } = settings;
    const ears = this.#openEars();
    const alone = queues.length + Math.min(1, storeKinds.length) === 1;
    if (storeKinds.length > 0) tasks.add("the claim loop", this.#storeLoop.run(ears));
    for (const [name, queue] of core.queues) {
      if (queues.includes(name))
        tasks.add(`the loop of the queue ${name}`, queueLoop(this.#parts, name, queue, alone));
    }
    if (settings.reconcile) {
      const { reconciler, stopping } = this.#parts;
      const serves = { handlers: settings.handlers };
      this.#reconcileLoop = reconcileLoop({ core, reconciler, serves, stopping, ears });
      tasks.add("the reconcile loop", this.#reconcileLoop.done);
    }
    tasks.add("the check of queues", logFindings(this.#parts));
    const letGo = keepAlive(core.clock);
    await new Promise<void>((resolve) => {
      closing.on(resolve);
    });
    await this.#drain();
    ears?.stop();
    letGo();
  }

  #openEars(): Ears | null {
    if (this.#hints === null) return null;
    const { core, settings, heartbeatTimer } = this.#parts;
    return openEars(core, this.#hints, {
      kinds: settings.storeKinds,
      ready: () => {
        this.#storeLoop.kick();
      },
      due: () => {
        this.#reconcileLoop?.due();
      },
      running: createRunningNews(core.clock, heartbeatTimer),
    });
  }

  async #drain(): Promise<void> {
    const { core, settings, tasks } = this.#parts;
    const ended = new AbortController();
    const idle = tasks.idle().then(() => {
      ended.abort();
    });
    const within = async (ms: number): Promise<boolean> => {
      await Promise.race([idle, sleep(core.clock, ms, ended.signal, true)]);
      return ended.signal.aborted;
    };
    if (await within(settings.shutdownTimeoutMs)) return;
    this.#parts.leaving.fire();
    if (!(await within(LAST_WAIT_MS)))
      core.logger.warn("the worker was stopped before everything under way had ended");
  }
}
