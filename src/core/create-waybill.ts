import type { CreateWaybill } from "./api/options.js";
import type { Health } from "./api/waybill.js";
import type { AnyDef } from "./define/any-def.js";
import type { Definition } from "./definition.js";
import { cancel, type CancelOptions, dispatch, knownDefinition, recall, report, rerun } from "./engine/commands.js";
import { get, history, latest, list, type RuntimeListFilter, undelivered } from "./engine/reads.js";
import { createRuntime, type Runtime, type RuntimeOptions } from "./engine/runtime.js";
import { type RuntimeSubmitOptions, submit } from "./engine/submit.js";
import { result, watch, type ResultOptions, type WatchOptions } from "./engine/watch.js";
import { createWorker, type WorkerHandle, type WorkerSettings } from "./engine/worker/worker.js";
import { WaybillError } from "./errors.js";
import type { PollAnswer, RuntimeHandler } from "./handler.js";
import { AsyncResult } from "./result.js";

/** A definition as applications hold it. */
type Def = Pick<AnyDef, "~definition">;
/** A handler as applications hold it. */
interface Handler {
  readonly "~handler": RuntimeHandler;
}

/**
 * Puts a Waybill together: kinds, a store, and what else the application has. Nothing is reached before it is used, and
 * nothing runs by itself: `worker(…).run()` does the work.
 *
 * @throws {WaybillError} `config.invalid`, `config.capability_missing`: the parts do not fit, with the sentence why
 */
export const createWaybill: CreateWaybill = ((options: Omit<RuntimeOptions, "jobs"> & { readonly jobs: readonly Def[] }) => {
  if (!Array.isArray(options.jobs)) throw new WaybillError("config.invalid", "jobs must be a list of definitions.");
  return waybillOf(createRuntime({ ...options, jobs: options.jobs.map((def) => def["~definition"]) }));
  // The types are those of `CreateWaybill`; inside there is one engine for all kinds.
}) as never;

/** The public methods over one runtime: arguments sorted out, one call into the engine each. */
function waybillOf(runtime: Runtime) {
  const { core, dispatcher, hints, reconciler } = runtime;
  const workers = new Set<WorkerHandle>();

  /** The definition that the engine was composed with, by what the caller holds. */
  const kindOf = (def: Def): Definition => {
    runtime.checkOpen();
    return knownDefinition(core, def["~definition"].kind);
  };
  const closing = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.stop()));
    await runtime.close();
  };
  const submitOne = (def: Def, input: unknown, options?: RuntimeSubmitOptions) => {
    runtime.watchdog.submitted();
    return submit(core, dispatcher, kindOf(def), input, options);
  };

  return {
    submit: (def: Def, input: unknown, options?: RuntimeSubmitOptions) =>
      AsyncResult.run(async () => submitOne(def, input, options)),
    submitMany: async (def: Def, items: readonly (RuntimeSubmitOptions & { readonly input: unknown })[]) =>
      Promise.all(items.map(({ input, ...options }) => submitOne(def, input, options))),
    dispatch: (id: string) => AsyncResult.run(async () => open(runtime, () => dispatch(core, dispatcher, id))),

    get: async (first: Def | string, id?: string) =>
      open(runtime, () =>
        typeof first === "string" ? get(core, first, null) : get(core, id ?? "", kindOf(first).kind),
      ),
    latest: async (def: Def, subject: string, options?: { readonly owner?: string | undefined }) =>
      latest(core, kindOf(def), subject, options?.owner),
    list: async (filter: RuntimeListFilter) => open(runtime, () => list(core, filter)),
    history: async (id: string) => open(runtime, () => history(core, id)),

    cancel: (id: string, options: CancelOptions = {}) =>
      AsyncResult.run(async () => open(runtime, () => cancel(core, id, options))),
    recall: (id: string, options: Pick<CancelOptions, "actor"> = {}) =>
      AsyncResult.run(async () => open(runtime, () => recall(core, dispatcher, id, options))),
    rerun: (first: Def | string, second?: unknown, third?: unknown) =>
      AsyncResult.run(async () => {
        runtime.checkOpen();
        const [kind, id, options] =
          typeof first === "string" ? [null, first, second] : [kindOf(first).kind, second as string, third];
        return rerun(core, dispatcher, id, kind, (options ?? {}) as RuntimeSubmitOptions & { readonly input?: unknown });
      }),
    report: (def: Def, target: { readonly ref: unknown }, seen: PollAnswer) =>
      AsyncResult.run(async () => report(core, kindOf(def), target.ref, seen)),

    watch: (first: Def | string, second?: unknown, third?: unknown) => {
      runtime.checkOpen();
      return typeof first === "string"
        ? watch(core, hints, first, null, second as WatchOptions | undefined)
        : watch(core, hints, second as string, kindOf(first).kind, third as WatchOptions | undefined);
    },
    result: async (def: Def, id: string, options?: ResultOptions) => result(core, hints, id, kindOf(def).kind, options),
    on: runtime.on,

    worker(handlers: readonly Handler[], settings: WorkerSettings = {}) {
      runtime.checkOpen();
      const worker = createWorker(core, dispatcher, reconciler, runtimeHandlers(handlers), settings);
      workers.add(worker);
      runtime.onReady(() => {
        worker.wakeUp();
      });
      return { run: worker.run, stop: worker.stop };
    },
    reconcile: async (options: ReconcileOptions = {}) => reconcile(runtime, options),
    flush: (options: { readonly timeoutMs?: number | undefined } = {}) =>
      open(runtime, () => runtime.flush(options.timeoutMs ?? 30_000)),
    health: async () => open(runtime, () => health(runtime)),
    undelivered: async (page: { readonly limit?: number; readonly cursor?: string } = {}) =>
      open(runtime, () => undelivered(core, page)),
    close: closing,
    [Symbol.asyncDispose]: closing,
  };
}

/** Runs a call, unless this Waybill was closed. */
async function open<T>(runtime: Runtime, run: () => Promise<T>): Promise<T> {
  runtime.checkOpen();
  return run();
}

function runtimeHandlers(handlers: readonly Handler[]): readonly RuntimeHandler[] {
  return handlers.map((handler) => handler["~handler"]);
}

interface ReconcileOptions {
  readonly handlers?: readonly Handler[] | undefined;
  readonly budgetMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Half of the shortest pause of a scheduler: a pass is over before the next begins. */
const RECONCILE_BUDGET_MS = 25_000;

async function reconcile(runtime: Runtime, options: ReconcileOptions) {
  runtime.checkOpen();
  const handlers = runtimeHandlers(options.handlers ?? []);
  const { looked, unserved, more } = await runtime.reconciler.pass({
    handlers: new Map(handlers.map((handler) => [handler.definition.kind, handler])),
    budgetMs: options.budgetMs ?? RECONCILE_BUDGET_MS,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { looked, unserved, complete: !more };
}

async function health(runtime: Runtime): Promise<Health> {
  const found = await runtime.health();
  const since = (instant: number | null): number | null => (instant === null ? null : Math.max(0, found.nowMs - instant));
  return {
    reconcilerLagMs: since(found.lastPulseAt),
    oldestOverdueMs: since(found.oldestDueAt) ?? 0,
    oldestReadyMs: since(found.oldestReadyAt) ?? 0,
    unserved: found.unserved,
    parked: found.parked,
    undeliverable: found.undeliverable,
  };
}
