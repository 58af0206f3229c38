import { createRelay } from "../../src/core/engine/relay/relay.js";
import { createReconciler, type Reconciler } from "../../src/core/engine/reconcile/reconciler.js";
import { createWorker, type WorkerHandle } from "../../src/core/engine/worker/worker.js";
import type { WorkerOptions } from "../../src/core/engine/worker/options.js";
import type { RuntimeHandler } from "../../src/core/handler.js";
import { countingStore, type CountingStore } from "../../src/testing/counting.js";
import { createFaults, type Faults } from "../../src/testing/faults/faults.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { Store, StoreCapabilities } from "../../src/core/ports/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { testCore, type TestCore, type TestCoreOptions } from "./core.js";

export interface BenchOptions extends Omit<TestCoreOptions, "definitions" | "store"> {
  readonly handlers: readonly RuntimeHandler[];
  readonly definitions?: TestCoreOptions["definitions"];
  readonly capabilities?: Partial<StoreCapabilities>;
  readonly worker?: WorkerOptions;
  readonly store?: Store;
}

export interface Bench extends TestCore {
  readonly faults: Faults;
  readonly trips: CountingStore;
  readonly reconciler: Reconciler;
  readonly worker: WorkerHandle;
  /** Another worker over the same store. */
  more(handlers: readonly RuntimeHandler[], options?: WorkerOptions): WorkerHandle;
  /** Starts the worker; the run. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A worker over a memory store that counts and can fail. It does not reconcile unless it is told to. */
export function bench(options: BenchOptions): Bench {
  const clock = options.clock ?? fakeClock();
  const faults = createFaults({ clock });
  const inner = options.store ?? memoryStore();
  const faulty = faults.wrapStore(inner);
  const trips = countingStore(
    options.capabilities === undefined
      ? faulty
      : { ...faulty, capabilities: { ...faulty.capabilities, ...options.capabilities } },
  );
  const queues = Object.fromEntries(
    Object.entries(options.queues ?? {}).map(([name, queue]) => [name, faults.wrapQueue(queue)]),
  );
  const made = testCore({
    ...options,
    clock,
    queues,
    store: trips.store,
    definitions: options.definitions ?? options.handlers.map((handler) => handler.definition),
  });
  const reconciler = createReconciler(made.core, made.dispatcher, createRelay(made.core));
  const more = (handlers: readonly RuntimeHandler[], given: WorkerOptions = {}): WorkerHandle =>
    createWorker(made.core, made.dispatcher, reconciler, handlers, { reconcile: false, ...given });
  const worker = more(options.handlers, options.worker);
  const read = testCore({ ...options, clock, store: inner, definitions: [] });
  return {
    ...made,
    // What is stored is looked at past faults and counters.
    record: (id) => read.record(id),
    output: (id) => read.output(id),
    edges: (id) => read.edges(id),
    faults,
    trips,
    reconciler,
    worker,
    more,
    start: () => worker.run(),
    stop: () => clock.runUntil(worker.stop()),
  };
}

/** A promise to be settled from outside. */
export interface Latch<T = void> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function latch<T = void>(): Latch<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Ends when the signal aborts, with its reason: a handler that listens. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
