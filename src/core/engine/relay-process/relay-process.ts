// The process that only notifies. In come hints of changes that others stored, and what the wake-up index says is due; out
// go events, through the relay that every process has.
import { WaybillError } from "../../errors/errors.js";
import { onAbort } from "../../live/on-abort.js";
import type { Core } from "../context.js";
import type { HintLink } from "../read/hints.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Relay } from "../relay/relay.js";
import { createTasks } from "../worker/tasks.js";
import { keepAlive } from "../worker/keep-alive.js";
import { type ReconcileLoop, reconcileLoop } from "../worker/reconcile-loop.js";
import { HintedJobs } from "./hinted-jobs.js";
import { checkRelay, type RelayOptions, type RelaySettings } from "./options.js";

/** A relay as its owner holds it. */
export interface RelayHandle {
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  stop(): Promise<void>;
}

/** What a relay stands on. */
interface Means {
  readonly core: Core;
  readonly hints: HintLink;
  readonly relay: Relay;
  readonly reconciler: Reconciler;
}

/** @throws WaybillError `config.invalid` */
export function createRelayProcess(means: Means, options: RelayOptions = {}): RelayHandle {
  return new RelayProcess(means, checkRelay(means.core, options));
}

class RelayProcess implements RelayHandle {
  readonly #means: Means;
  readonly #settings: RelaySettings;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;

  constructor(means: Means, settings: RelaySettings) {
    this.#means = means;
    this.#settings = settings;
  }

  async run({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#running === null && this.#stopping.signal.aborted) {
      throw new WaybillError("waybill.closed", "This relay was stopped.");
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
    this.#stopping.abort();
    // Whoever is called by the Waybill and awaits this would wait for itself.
    if (!this.#means.core.reentry.isInside()) await this.#running;
  }

  async #work(): Promise<void> {
    const { core, hints, relay } = this.#means;
    const { notifiers, shutdownTimeoutMs } = this.#settings;
    const letGo = keepAlive(core.clock);
    const tasks = createTasks(core.logger);
    const hinted = new HintedJobs(core, (snapshot) => {
      relay.kick(snapshot, notifiers);
    });
    const stopHearing = hints.bus.onHint(null, ({ id }) => {
      hinted.hear(id);
    });
    let loop: ReconcileLoop | null = null;
    const link = hints.attach(
      () => void this.stop(),
      () => loop?.kick(),
    );
    if (this.#settings.reconcile) {
      loop = this.#reconcileLoop(() => link.isUp());
      tasks.add("the reconcile loop", loop.done);
    }
    await aborted(this.#stopping.signal);
    stopHearing();
    link.letGo();
    await Promise.all([hinted.idle(), tasks.idle()]);
    if (!(await relay.flush(shutdownTimeoutMs)))
      core.logger.warn(
        "the relay was stopped before everything under way was delivered; it is delivered later",
      );
    letGo();
  }

  #reconcileLoop(isHintedAt: () => boolean): ReconcileLoop {
    const { core, reconciler } = this.#means;
    const { reconcileBusyMs, reconcileIdleMs } = core.policy;
    return reconcileLoop({
      core,
      reconciler,
      stopping: this.#stopping.signal,
      serves: { handlers: new Map(), notifiers: this.#settings.notifiers, leavesToOthers: true },
      // Where no feed tells of changes, a pass is the first that hears of them.
      idleMs: () => (isHintedAt() ? reconcileIdleMs : reconcileBusyMs),
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
