import type { ClaimOptions } from "./api/claim.js";
import type { CreateWaybill } from "./api/options.js";
import type { Composition } from "./api/waybill.js";
import type { AnyDef } from "./define/any-def.js";
import type { Definition } from "./definition.js";
import {
  CREATE_OPTIONS,
  ITEM_OPTIONS,
  LIST_OPTIONS,
  PAGE_OPTIONS,
  REDELIVER_OPTIONS,
  RERUN_OPTIONS,
  SUBMIT_OPTIONS,
} from "./options/option-names.js";
import { checkOptions, requireOptions } from "./options/options.js";
import {
  cancel,
  type CancelOptions,
  dispatch,
  knownDefinition,
  recall,
  rerun,
} from "./engine/command/commands.js";
import { report, reportCallback } from "./engine/command/report.js";
import type { ObserveFilter } from "./engine/observe/aim.js";
import { createHub, type ObserveOptions } from "./engine/observe/hub.js";
import {
  type Asked,
  get,
  history,
  latest,
  list,
  parked,
  type RuntimeListFilter,
  undelivered,
} from "./engine/read/reads.js";
import { redeliver, type Redelivery } from "./engine/relay/redeliver.js";
import { createRelayProcess } from "./engine/relay-process/relay-process.js";
import type { RelayOptions } from "./engine/relay-process/options.js";
import { checkEvents } from "./engine/compose/composition.js";
import { createRuntime, type Runtime, type RuntimeOptions } from "./engine/compose/runtime.js";
import {
  type RuntimeSubmitItem,
  type RuntimeSubmitOptions,
  submit,
  submitMany,
} from "./engine/submit/submit.js";
import { result, watch, type ResultOptions, type WatchOptions } from "./engine/read/watch.js";
import { noteDefinition } from "./engine/compose/same-definition.js";
import { claimObject } from "./engine/run/claim-object.js";
import { claimOwn } from "./engine/run/own-claim.js";
import { createIntake } from "./engine/worker/messages/intake.js";
import type { IntakeOptions } from "./engine/worker/options.js";
import { createWorker, type WorkerOptions } from "./engine/worker/worker.js";
import { codeOf } from "./engine/context.js";
import { WaybillError } from "./errors/errors.js";
import { type Handler, runtimeHandlers } from "./options/given-handlers.js";
import { operating } from "./operating.js";
import { type OwnerOption, ownerOf, type Whose } from "./options/owner-option.js";
import type { EventType, ServerEvent } from "./job/event.js";
import type { PollAnswer } from "./handler.js";
import { AsyncResult, ok } from "./errors/result.js";

/** A definition as applications hold it. */
type Def = Pick<AnyDef, "~definition">;
/**
 * Puts a Waybill together: kinds, a store, and what else the application has. Nothing is reached before it is used, and
 * nothing runs by itself: `worker(…).run()` does the work.
 *
 * @throws {WaybillError} `config.invalid`, `config.capability_missing`: the parts do not fit, with the sentence why
 */
export const createWaybill: CreateWaybill = ((options: GivenOptions) => {
  requireOptions("createWaybill", options, CREATE_OPTIONS);
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
  const running = new Set<Stoppable>();
  let isEnding = false;
  // What is begun while the others end would be ended by nobody.
  const checkNotEnding = (): void => {
    runtime.checkOpen();
    if (isEnding) throw new WaybillError("waybill.closed", "This Waybill is being closed.");
  };
  const closed = async (): Promise<void> => {
    await Promise.all([...running].map((each) => each.stop()));
    await runtime.close();
  };
  const closing = async (): Promise<void> => {
    isEnding = true;
    if (!core.reentry.isInside()) return closed();
    // Whoever is called by this Waybill is waited for, and must not wait for itself: it goes on, and the rest follows.
    core.clock.defer(() => {
      closed().catch((error: unknown) => {
        core.logger.error("a Waybill could not be closed", { code: codeOf(error) });
      });
    });
  };
  return {
    ...submitting(runtime),
    ...reading(runtime),
    ...watching(runtime),
    ...operating(runtime),
    ...commanding(runtime),
    intake: (handlers: readonly Handler[], settings: IntakeOptions = {}) => {
      runtime.checkOpen();
      return createIntake(
        core,
        dispatcher,
        runtime.reconciler,
        runtimeHandlers(runtime.core, handlers),
        settings,
      );
    },
    worker: (handlers: readonly Handler[], settings: WorkerOptions = {}) => {
      checkNotEnding();
      return startable(runtime, running, handlers, settings);
    },
    relay: (settings: RelayOptions = {}) => {
      checkNotEnding();
      return kept(runtime, running, createRelayProcess(runtime, settings));
    },
    "~composition": {
      kinds: new Set(core.definitions.keys()),
      logger: core.logger,
      clock: core.clock,
      tellUnshowable: core.tellUnshowable,
      callbackOf: (token) => core.callbacks?.read(token, core.time.now()) ?? null,
    } satisfies Composition<AnyDef>,
    close: closing,
    [Symbol.asyncDispose]: closing,
  };
}

/** One decision about one job each. */
function commanding(runtime: Runtime) {
  const { core, dispatcher } = runtime;
  return {
    cancel: (...args: JobArgs) =>
      AsyncResult.run(async () => {
        const { id, asked, options } = jobAsked(runtime, "cancel", args, ["reason", "actor"]);
        return cancel(core, dispatcher, id, options, asked);
      }),
    recall: (id: string, options: Pick<CancelOptions, "actor"> = {}) =>
      AsyncResult.run(async () => {
        checkOptions("recall", options, ["actor"]);
        return open(runtime, () => recall(core, dispatcher, id, options));
      }),
    report: (def: Def, target: Target, seen: PollAnswer, options?: OwnerOption) =>
      AsyncResult.run(async () => {
        const whose = whoseOf("report", options);
        const definition = definitionOf(runtime, def);
        const { ref, token } = targetOf(target);
        if (token === undefined) return report(core, definition, ref, seen, whose);
        return reportCallback(core, definition, token, seen, whose);
      }),
    claim: (def: Def, id: string, options: ClaimOptions = {}) =>
      AsyncResult.run(async () => {
        const definition = definitionOf(runtime, def);
        checkOptions("claim", options, ["owner", "name", "signal"]);
        const { name, signal } = options;
        const { reconciler } = runtime;
        const means = { core, dispatcher, reconciler };
        const claimed = await claimOwn(means, definition, id, { whose: ownerOf(options), name, signal });
        return claimed.ok ? ok(claimObject(claimed.value, definition.external)) : claimed;
      }),
  };
}

/** The definition that the engine was composed with, by what the caller holds. */
function definitionOf(runtime: Runtime, def: Def): Definition {
  runtime.checkOpen();
  if (!isDef(def)) {
    const sentence =
      "What comes first must be a definition, as defineJob returns it: not its name, and not a handler.";
    throw new WaybillError("config.invalid", sentence);
  }
  noteDefinition(runtime.core, def["~definition"]);
  return knownDefinition(runtime.core, def["~definition"].kind);
}

/** How methods about one job are called: `(id, options?)` or `(def, id, options?)`. */
type JobArgs = readonly [first: Def | string, second?: unknown, third?: unknown];

/** What such a call is about. An id may be anything that somebody sent; the engine tells it from none. */
function jobAsked(
  runtime: Runtime,
  method: string,
  [first, second, third]: JobArgs,
  known: readonly string[] = [],
): { readonly id: string; readonly asked: Asked; readonly options: object } {
  runtime.checkOpen();
  const byKind = isDef(first);
  const given = byKind ? third : second;
  checkOptions(method, given, ["owner", ...known]);
  const options = given ?? {};
  return {
    id: (byKind ? second : first) as string,
    asked: { kind: byKind ? definitionOf(runtime, first).kind : null, whose: ownerOf(options) },
    options,
  };
}

function isDef(value: unknown): value is Def {
  return typeof value === "object" && value !== null && "~definition" in value;
}

interface Target {
  readonly ref?: unknown;
  readonly token?: unknown;
}

/** What a report names its work by. Both at once could name two. */
function targetOf(given: Target | undefined): Target {
  const target = given ?? {};
  checkOptions("report", target, ["ref", "token"]);
  if ((target.ref === undefined) === (target.token === undefined)) {
    throw new WaybillError("config.invalid", "report takes { ref } or { token }, one of them.");
  }
  return target;
}

/** The owner of a call that takes no other option. */
function whoseOf(method: string, options: OwnerOption | undefined): Whose {
  checkOptions(method, options, ["owner"]);
  return ownerOf(options);
}

function submitting(runtime: Runtime) {
  const { core, dispatcher, watchdog } = runtime;
  const one = async (def: Def, input: unknown, options?: RuntimeSubmitOptions) => {
    const definition = definitionOf(runtime, def);
    checkOptions("submit", options, SUBMIT_OPTIONS);
    watchdog.submitted(definition.kind);
    return submit(core, dispatcher, definition, input, options);
  };
  return {
    submit: (def: Def, input: unknown, options?: RuntimeSubmitOptions) =>
      AsyncResult.run(() => one(def, input, options)),
    submitMany: async (def: Def, items: readonly RuntimeSubmitItem[]) => {
      const definition = definitionOf(runtime, def);
      if (!Array.isArray(items))
        throw new WaybillError("config.invalid", "submitMany takes a list of items.");
      for (const item of items) requireOptions("submitMany", item, ITEM_OPTIONS);
      watchdog.submitted(definition.kind);
      return submitMany(core, dispatcher, definition, items);
    },
    dispatch: (...args: JobArgs) =>
      AsyncResult.run(async () => {
        const { id, asked } = jobAsked(runtime, "dispatch", args);
        return dispatch(core, dispatcher, id, asked);
      }),
    rerun: (...args: JobArgs) =>
      AsyncResult.run(async () => {
        const known = isDef(args[0]) ? [...RERUN_OPTIONS, "input"] : RERUN_OPTIONS;
        const { id, asked, options } = jobAsked(runtime, "rerun", args, known);
        return rerun(core, dispatcher, id, asked.kind, options, asked.whose);
      }),
  };
}

function reading(runtime: Runtime) {
  const { core } = runtime;
  return {
    get: async (...args: JobArgs) => {
      const { id, asked } = jobAsked(runtime, "get", args);
      return get(core, id, asked.kind, asked.whose);
    },
    latest: async (def: Def, subject: string, options?: OwnerOption) =>
      latest(core, definitionOf(runtime, def), subject, whoseOf("latest", options)),
    list: async (filter: RuntimeListFilter) => {
      requireOptions("list", filter, LIST_OPTIONS);
      return open(runtime, () => list(core, filter));
    },
    history: async (...args: JobArgs) => {
      const { id, asked } = jobAsked(runtime, "history", args);
      return history(core, id, asked);
    },
    undelivered: async (page: { readonly limit?: number; readonly cursor?: string } = {}) => {
      checkOptions("undelivered", page, PAGE_OPTIONS);
      return open(runtime, () => undelivered(core, page));
    },
    redeliver: (what: Redelivery) =>
      AsyncResult.run(async () => {
        requireOptions("redeliver", what, REDELIVER_OPTIONS);
        return open(runtime, () => redeliver(core, what, runtime.relay.stops));
      }),
    parked: async (page: { readonly limit?: number; readonly cursor?: string } = {}) => {
      checkOptions("parked", page, PAGE_OPTIONS);
      return open(runtime, () => parked(core, page));
    },
  };
}

function watching(runtime: Runtime) {
  const { core, hints } = runtime;
  const hub = createHub(core, hints);
  return {
    observe: (filter: ObserveFilter, options?: ObserveOptions) => {
      runtime.checkOpen();
      return hub.observe(filter, options);
    },
    watch: (...args: JobArgs) => {
      const { id, asked, options } = jobAsked(runtime, "watch", args, ["signal"]);
      return watch(core, hints, id, asked.kind, { ...(options as WatchOptions), whose: asked.whose });
    },
    result: async (def: Def, id: string, options: ResultOptions & OwnerOption = {}) => {
      const { kind } = definitionOf(runtime, def);
      checkOptions("result", options, ["owner", "signal", "timeoutMs"]);
      const { signal, timeoutMs } = options;
      return result(core, hints, id, kind, { signal, timeoutMs, whose: ownerOf(options) });
    },
    on: (type: EventType, listener: (event: ServerEvent) => void) => {
      runtime.checkOpen();
      checkEvents("on", [type]);
      if (typeof listener !== "function")
        throw new WaybillError("config.invalid", "on takes a type of event and a function.");
      return runtime.on(type, listener);
    },
  };
}

/** Something that runs until it is stopped. */
interface Stoppable {
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  stop(): Promise<void>;
}

/** What is stopped with the Waybill, until it has ended by itself. */
function kept(
  runtime: Runtime,
  running: Set<Stoppable>,
  what: Stoppable,
  ended: () => void = () => undefined,
): Stoppable {
  running.add(what);
  return {
    run: async (options) => {
      checkOptions("run", options, ["signal"]);
      const refusal: { of: WaybillError | null } = { of: null };
      // Beside the first claims: a store that can be used costs no start.
      void runtime.storeWatch.check().then((unfit) => {
        refusal.of = unfit;
        if (unfit !== null) void what.stop();
      });
      try {
        await what.run(options);
      } finally {
        running.delete(what);
        ended();
      }
      if (refusal.of !== null) throw refusal.of;
    },
    stop: () => what.stop(),
  };
}

/** A worker that hears of jobs becoming ready here, until it stops. */
function startable(
  runtime: Runtime,
  running: Set<Stoppable>,
  handlers: readonly Handler[],
  settings: WorkerOptions,
): Stoppable {
  const { core, dispatcher, reconciler } = runtime;
  const worker = createWorker(
    core,
    dispatcher,
    reconciler,
    runtimeHandlers(runtime.core, handlers),
    settings,
    runtime.hints,
  );
  const deaf = runtime.onReady(() => {
    worker.wakeUp();
  });
  return kept(runtime, running, worker, deaf);
}

/** Runs a call, unless this Waybill was closed. */
async function open<T>(runtime: Runtime, run: () => Promise<T>): Promise<T> {
  runtime.checkOpen();
  return run();
}
