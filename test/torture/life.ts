import { join } from "node:path";
import { type Clock, createWaybill, isWaybillError, type Logger, type Queue, type Store } from "waybill";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import type { AppendLog } from "./append-log.js";
import { fileNotifier } from "./file-notifier.js";
import { handlersOf } from "./handlers.js";
import { KINDS } from "./kinds.js";
import { Outside } from "./outside.js";
import type { Pace } from "./pace.js";
import { submitPlanned, type SubmitPlan } from "./pairing/submitter.js";

/** One life of a worker, in a process of its own or beside others. */
export interface LifeOptions {
  readonly life: string;
  readonly folder: string;
  readonly seed: number;
  readonly store: Store;
  /** Given, jobs go through it, and who works does not reconcile. */
  readonly queue?: Queue;
  /** What a life that submits is to submit. */
  readonly submit?: SubmitPlan;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly effects: AppendLog;
  readonly events: AppendLog;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

export interface WorkerLife {
  /** Rejects when the worker gives up, which it never should. */
  readonly working: Promise<void>;
  /** Stops in good order. */
  readonly stop: () => Promise<void>;
}

/** The folder of outside work, beside all workers. */
export function outsideOf(folder: string): Outside {
  return new Outside(join(folder, "outside"));
}

/** Puts together what an application would, and starts to work, to submit, or to reconcile: as its name begins. */
export function startLife(options: LifeOptions): WorkerLife {
  const { life, folder, seed, store, queue, submit, pace } = options;
  const { clock, effects, events, sleep, logger } = options;
  const random = seededRandom(seed);
  const waybill = createWaybill({
    jobs: KINDS,
    store,
    ...(queue === undefined ? {} : { queue }),
    clock,
    logger,
    notifiers: { file: fileNotifier(events, random) },
    policy: pace,
  });
  const handlers = handlersOf({ life, effects, outside: outsideOf(folder), sleep });
  const stopping = new AbortController();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await waybill.close();
  };
  if (life.startsWith("s") && submit !== undefined)
    return {
      working: submitPlanned(waybill, { ...submit, leaseMs: pace.leaseMs }, folder, stopping.signal).then(
        () => untilStopped(stopping.signal),
      ),
      stop,
    };
  if (life.startsWith("r")) return { working: reconcileAgainAndAgain(), stop };
  const worker = waybill.worker(handlers, {
    ...(queue === undefined ? {} : { reconcile: false, reconciledElsewhere: true }),
    concurrency: 16,
    pollIntervalMs: 100,
    // Shorter than many a handler: what still runs is given back.
    shutdownTimeoutMs: 300,
    name: life,
  });
  return { working: worker.run(), stop };

  async function reconcileAgainAndAgain(): Promise<void> {
    while (!stopping.signal.aborted) {
      await waybill
        .reconcile({ handlers, budgetMs: 5_000, signal: stopping.signal })
        .catch((error: unknown) => {
          if (!isWaybillError(error)) throw error;
        });
      await sleep(PASS_EVERY_MS, stopping.signal);
    }
  }
}

const PASS_EVERY_MS = 150;

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
