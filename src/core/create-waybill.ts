import type { CreateWaybill } from "./api/options.js";
import type { Health } from "./api/waybill.js";
import type { AnyDef } from "./define/any-def.js";
import type { Definition } from "./definition.js";
import {
  cancel,
  type CancelOptions,
  dispatch,
  knownDefinition,
  recall,
  report,
  rerun,
} from "./engine/command/commands.js";
import {
  get,
  history,
  latest,
  list,
  parked,
  type RuntimeListFilter,
  undelivered,
} from "./engine/read/reads.js";
import { createRuntime, type Runtime, type RuntimeOptions } from "./engine/compose/runtime.js";
import {
  type RuntimeSubmitItem,
  type RuntimeSubmitOptions,
  submit,
  submitMany,
} from "./engine/submit/submit.js";
import { result, watch, type ResultOptions, type WatchOptions } from "./engine/read/watch.js";
import { createIntake } from "./engine/worker/intake.js";
import type { IntakeOptions } from "./engine/worker/options.js";
import { createWorker, type WorkerHandle, type WorkerOptions } from "./engine/worker/worker.js";
import { WaybillError } from "./errors.js";
import type { EventType, ServerEvent } from "./event.js";
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
export const createWaybill: CreateWaybill = ((options: GivenOptions) => {
  const jobs: unknown = options.jobs;
  if (!Array.isArray(jobs)) throw new WaybillError("config.invalid", "jobs must be a list of definitions.");
  const definitions = (jobs as readonly (Def | null | undefined)[]).map((def) => def?.["~definition"]);
  // The composition refuses what is no definition.
  return waybillOf(createRuntime({ ...options, jobs: definitions as readonly Definition[] }));
  // The types are those of `CreateWaybill`; inside there is one engine for all kinds.
}) as never;

type GivenOptions = Omit<RuntimeOptions, "jobs"> & { readonly jobs: readonly Def[] };

/** The public methods over one runtime: arguments sorted out, one call into the engine each. */
function waybillOf(runtime: Runtime) {
  const { core, dispatcher } = runtime;
  const workers = new Set<WorkerHandle>();
  const closing = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.stop()));
    await runtime.close();
  };
  return {
    ...submitting(runtime),
    ...reading(runtime),
    ...watching(runtime),
    cancel: (id: string, options: CancelOptions = {}) =>
      AsyncResult.run(async () => open(runtime, () => cancel(core, dispatcher, id, options))),
    recall: (id: string, options: Pick<CancelOptions, "actor"> = {}) =>
      AsyncResult.run(async () => open(runtime, () => recall(core, dispatcher, id, options))),
    report: (def: Def, target: { readonly ref: unknown }, seen: PollAnswer) =>
      AsyncResult.run(async () => report(core, definitionOf(runtime, def), target.ref, seen)),
    intake: (handlers: readonly Handler[], settings: IntakeOptions = {}) => {
      runtime.checkOpen();
      return createIntake(core, dispatcher, runtime.reconciler, runtimeHandlers(handlers), settings);
    },
    worker: (handlers: readonly Handler[], settings: WorkerOptions = {}) =>
      startable(runtime, workers, handlers, settings),
    reconcile: async (options: ReconcileOptions = {}) => open(runtime, () => reconcile(runtime, options)),
    flush: async ({ timeoutMs = FLUSH_MS }: { readonly timeoutMs?: number | undefined } = {}) =>
      open(runtime, () => runtime.flush(timeoutMs)),
    health: async () => open(runtime, () => health(runtime)),
    close: closing,
    [Symbol.asyncDispose]: closing,
  };
}

/** Enough for what a process still has to say; what takes longer is the reconciler's. */
const FLUSH_MS = 30_000;

/** The definition that the engine was composed with, by what the caller holds. */
function definitionOf(runtime: Runtime, def: Def): Definition {
  runtime.checkOpen();
  return knownDefinition(runtime.core, def["~definition"].kind);
}

function submitting(runtime: Runtime) {
  const { core, dispatcher, watchdog } = runtime;
  const one = async (def: Def, input: unknown, options?: RuntimeSubmitOptions) => {
    const definition = definitionOf(runtime, def);
    watchdog.submitted();
    return submit(core, dispatcher, definition, input, options);
  };
  return {
    submit: (def: Def, input: unknown, options?: RuntimeSubmitOptions) =>
      AsyncResult.run(() => one(def, input, options)),
    submitMany: async (def: Def, items: readonly RuntimeSubmitItem[]) => {
      const definition = definitionOf(runtime, def);
      watchdog.submitted();
      return submitMany(core, dispatcher, definition, items);
    },
    dispatch: (id: string) =>
      AsyncResult.run(async () => open(runtime, () => dispatch(core, dispatcher, id))),
    rerun: (first: Def | string, second?: unknown, third?: unknown) =>
      AsyncResult.run(async () => {
        const [kind, id, options] =
          typeof first === "string"
            ? [null, first, second]
            : [definitionOf(runtime, first).kind, second as string, third];
        const given = (options ?? {}) as RuntimeSubmitOptions & { readonly input?: unknown };
        return open(runtime, () => rerun(core, dispatcher, id, kind, given));
      }),
  };
}

function reading(runtime: Runtime) {
  const { core } = runtime;
  return {
    get: async (first: Def | string, id?: string) =>
      open(runtime, () =>
        typeof first === "string"
          ? get(core, first, null)
          : get(core, id ?? "", definitionOf(runtime, first).kind),
      ),
    latest: async (def: Def, subject: string, options?: { readonly owner?: string | undefined }) =>
      latest(core, definitionOf(runtime, def), subject, options?.owner),
    list: async (filter: RuntimeListFilter) => open(runtime, () => list(core, filter)),
    history: async (id: string) => open(runtime, () => history(core, id)),
    undelivered: async (page: { readonly limit?: number; readonly cursor?: string } = {}) =>
      open(runtime, () => undelivered(core, page)),
    parked: async (page: { readonly limit?: number; readonly cursor?: string } = {}) =>
      open(runtime, () => parked(core, page)),
  };
}

function watching(runtime: Runtime) {
  const { core, hints } = runtime;
  return {
    watch: (first: Def | string, second?: unknown, third?: unknown) => {
      runtime.checkOpen();
      return typeof first === "string"
        ? watch(core, hints, first, null, second as WatchOptions | undefined)
        : watch(
            core,
            hints,
            second as string,
            definitionOf(runtime, first).kind,
            third as WatchOptions | undefined,
          );
    },
    result: async (def: Def, id: string, options?: ResultOptions) =>
      result(core, hints, id, definitionOf(runtime, def).kind, options),
    on: (type: EventType, listener: (event: ServerEvent) => void) => {
      runtime.checkOpen();
      return runtime.on(type, listener);
    },
  };
}

/** A worker that hears of jobs becoming ready here, until it stops. */
function startable(
  runtime: Runtime,
  workers: Set<WorkerHandle>,
  handlers: readonly Handler[],
  settings: WorkerOptions,
) {
  runtime.checkOpen();
  const { core, dispatcher, reconciler, storeWatch } = runtime;
  const worker = createWorker(core, dispatcher, reconciler, runtimeHandlers(handlers), settings);
  workers.add(worker);
  const deaf = runtime.onReady(() => {
    worker.wakeUp();
  });
  return {
    run: async (options?: { readonly signal?: AbortSignal | undefined }) => {
      storeWatch.check();
      try {
        await worker.run(options);
      } finally {
        workers.delete(worker);
        deaf();
      }
    },
    stop: () => worker.stop(),
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
  const since = (instant: number | null): number | null =>
    instant === null ? null : Math.max(0, found.nowMs - instant);
  return {
    reconcilerLagMs: since(found.lastPulseAt),
    oldestOverdueMs: since(found.oldestDueAt) ?? 0,
    oldestReadyMs: since(found.oldestReadyAt) ?? 0,
    unserved: found.unserved,
    parked: found.parked,
    undeliverable: found.undeliverable,
    lostWrites:
      found.lostWrites === undefined
        ? null
        : { calls: found.lostWrites.calls, agoMs: since(found.lostWrites.lastSeenAt) ?? 0 },
  };
}
