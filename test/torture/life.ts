import { join } from "node:path";
import { type Clock, createWaybill, type Logger, type Store } from "waybill";
import { seededRandom } from "waybill/testing";
import type { AppendLog } from "./append-log.js";
import { fileNotifier } from "./file-notifier.js";
import { handlersOf } from "./handlers.js";
import { KINDS } from "./kinds.js";
import { Outside } from "./outside.js";
import { PACE } from "./pace.js";

/** One life of a worker, in a process of its own or beside others. */
export interface LifeOptions {
  readonly life: string;
  readonly folder: string;
  readonly seed: number;
  readonly store: Store;
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

/** Puts together what an application would, and starts to work. */
export function startLife(options: LifeOptions): WorkerLife {
  const { life, folder, seed, store, clock, effects, events, sleep, logger } = options;
  const random = seededRandom(seed);
  const waybill = createWaybill({
    jobs: KINDS,
    store,
    clock,
    logger,
    notifiers: { file: fileNotifier(events, random) },
    policy: PACE,
  });
  const handlers = handlersOf({ life, effects, outside: outsideOf(folder), sleep });
  const worker = waybill.worker(handlers, {
    concurrency: 16,
    pollIntervalMs: 100,
    // Shorter than many a handler: what still runs is given back.
    shutdownTimeoutMs: 300,
    name: life,
  });
  return { working: worker.run(), stop: () => waybill.close() };
}
