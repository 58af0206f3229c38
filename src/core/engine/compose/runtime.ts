import { createCallbacks } from "../../callback/callbacks.js";
import { inContext, systemClock } from "../../environment/clock.js";
import { DEFAULT_POLICY, type Policy } from "../../defaults.js";
import { WaybillError } from "../../errors/errors.js";
import type { EventType, ServerEvent } from "../../job/event.js";
import type { JobRecord } from "../../job/record.js";
import { type Ids, systemIds } from "../../environment/ids.js";
import { callHook } from "../../environment/hook.js";
import { consoleLogger, type Logger } from "../../environment/logger.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { Notifier } from "../../ports/notifier.js";
import type { Queue } from "../../ports/queue.js";
import type { StoreHealth } from "../../ports/store.js";
import { isServedElsewhere } from "../../served-elsewhere.js";
import { createBus } from "../announce/bus.js";
import { createLocalEvents } from "../announce/local-events.js";
import { checkComposition, type RuntimeOptions } from "./composition.js";
import { type Announcement, codeOf, type Core, DEFAULT_QUEUE } from "../context.js";
import { createDispatcher, type Dispatcher } from "../submit/dispatch.js";
import { createGateway, type Gateway } from "../store/gateway.js";
import { createSetAside } from "../store/set-aside.js";
import { createHintLink, type HintLink, type HintSource } from "../read/hints.js";
import { createReconciler, type Reconciler } from "../reconcile/reconciler.js";
import { createReentry } from "../reentry.js";
import { TakeOver } from "../relay-process/take-over.js";
import { createRelay, type Relay } from "../relay/relay.js";
import { framesOf } from "../run/stack.js";
import { storeTime } from "../store/store-time.js";
import { leaseMsOf } from "../kind-settings.js";
import { createUnserved } from "../unserved.js";
import { createTellUnshowable } from "../unshowable.js";
import { letGoOfPart, useParts } from "./part-users.js";
import { createStoreWatch, type StoreWatch } from "./store-watch.js";
import { createWatchdog, type Watchdog } from "./watchdog.js";

export type { RuntimeOptions } from "./composition.js";

/** The parts of one Waybill, put together. */
export interface Runtime {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly relay: Relay;
  readonly reconciler: Reconciler;
  readonly hints: HintLink;
  readonly watchdog: Watchdog;
  readonly storeWatch: StoreWatch;
  /** Wakes idle workers of this process when a job becomes ready in the store. Returns how to stop. */
  onReady(wake: () => void): () => void;
  /** Throws `waybill.closed` once it is. */
  checkOpen(): void;
  on(type: EventType, listener: (event: ServerEvent) => void): () => void;
  health(): Promise<StoreHealth>;
  /** Waits until what was said here has reached notifiers and feed, or the time is over. */
  flush(timeoutMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Puts the parts together. Nothing is reached before it is used. @throws WaybillError `config.invalid` and its kin */
export function createRuntime(options: RuntimeOptions): Runtime {
  const parts = environment(options);
  const bus = createBus(parts.logger, parts.telemetry);
  const ready = new Set<() => void>();
  const core: Core = {
    ...parts,
    announce: (change) => {
      announce(change);
    },
    ...hooksOf(options, parts.logger),
  };
  const dispatcher = createDispatcher(core);
  const relay = createRelay(core);
  const reconciler = createReconciler(core, dispatcher, relay);
  const takeOver = new TakeOver(core, relay);
  bus.onEveryHint((hint) => {
    reconciler.polls.hear(hint);
    takeOver.hear(hint);
  });
  const hints = createHintLink(core, bus, feedOf(options));
  const storeWatch = createStoreWatch(core);
  const local = createLocalEvents(core, bus);
  let closing: Promise<void> | null = null;

  const announce = (change: Announcement): void => {
    const { record } = change.snapshot;
    const said = local.tell(change);
    reconciler.polls.note(record);
    // Before the hint: what is told of here is nobody's to take over.
    if (record.notifiers.length > 0 && said > 0) relay.kick(change.snapshot);
    hints.publish(record, change.inTransaction);
    // What is ready later is remembered by whoever hears the hint.
    if (ready.size > 0 && isReady(core, record)) for (const wake of ready) wake();
  };

  const close = async (): Promise<void> => {
    takeOver.close();
    await relay.close();
    await hints.close();
    storeWatch.close();
    bus.close();
    await closeParts(options, core.logger);
  };

  return {
    core,
    dispatcher,
    relay,
    reconciler,
    hints,
    watchdog: createWatchdog(core),
    storeWatch,
    onReady: (wake) => joined(ready, wake),
    checkOpen() {
      if (closing !== null) throw new WaybillError("waybill.closed", "This Waybill was closed.");
    },
    on: (type, listener) => bus.on(type, listener),
    health: () => core.gateway.call("health", (store, request) => store.health(request)),
    flush: (timeoutMs) => flushed([relay, hints], timeoutMs),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function isReady({ time }: Core, { readyAt }: JobRecord): boolean {
  return readyAt !== null && readyAt <= time.now();
}

/** Puts one among others. Returns how to take it out. */
function joined<T>(others: Set<T>, one: T): () => void {
  others.add(one);
  return () => {
    others.delete(one);
  };
}

async function flushed(parts: readonly Pick<Relay, "flush">[], timeoutMs: number): Promise<boolean> {
  const done = await Promise.all(parts.map((part) => part.flush(timeoutMs)));
  return done.every(Boolean);
}

/** What the engine reaches outside with, from options and defaults. */
function environment(
  options: RuntimeOptions,
): Omit<Core, "announce" | "archive" | "tellParked" | "tellPublish"> {
  checkComposition(options);
  const callbacks = createCallbacks(options.callbacks);
  // When nothing is refused any more: a Waybill that was not made closes no part, and must not keep others from it.
  useParts(...partsOf(options));
  const clock = inContext(options.clock ?? systemClock, neutralContext());
  const telemetry = options.telemetry ?? {};
  const time = storeTime(clock, options.store.capabilities.clock);
  const policy = policyOf(options);
  const timeoutMs = policy.storeTimeoutMs;
  const logger = harmless(options.logger ?? consoleLogger);
  const gateway: Gateway = createGateway({
    store: options.store,
    clock,
    time,
    telemetry,
    timeoutMs,
    slowMs: slowMsOf(options, policy),
    onUnreadable: createSetAside({ gateway: () => gateway, time, logger }),
  });
  return {
    gateway,
    queues: queuesOf(options),
    notifiers: servedHere(options),
    notifierNames: Object.keys(options.notifiers ?? {}),
    retired: new Set(options.retired ?? []),
    definitions: new Map(options.jobs.map((definition) => [definition.kind, definition])),
    policy,
    clock,
    time,
    ids: idsOf(options),
    logger,
    telemetry,
    callbacks,
    reentry: createReentry(),
    tellUnshowable: createTellUnshowable(logger),
    // The hold of a pass hides what it met from most of the passes after it.
    unserved: createUnserved(clock, 2 * Math.max(policy.takeDueHoldMs, UNSERVED_MESSAGE_MS)),
  };
}

/** Of the shortest lease: a beat that hangs leaves time for several others. */
const SLOW_SHARE = 1 / 15;

function slowMsOf({ jobs }: RuntimeOptions, policy: Policy): number {
  const leases = jobs.map((definition) => leaseMsOf({ policy }, definition));
  return Math.max(1, Math.floor(Math.min(policy.leaseMs, ...leases) * SLOW_SHARE));
}

/** How long a worker leaves a message that it cannot serve. */
const UNSERVED_MESSAGE_MS = 60_000;

/** The defaults, but for what is set: `undefined` is not. */
function policyOf({ policy }: RuntimeOptions): Policy {
  const given: Readonly<Record<string, unknown>> = { ...policy };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_POLICY, ...(Object.fromEntries(set) as Partial<Policy>) };
}

/** A logger that throws, at once or later, must not break what it was to tell of. */
function harmless(logger: Logger): Logger {
  const fieldsFirst = takesFieldsFirst(logger);
  const at =
    (level: keyof Logger): Logger[keyof Logger] =>
    (message, fields) => {
      callHook(() => {
        const say = logger[level].bind(logger) as (...args: readonly unknown[]) => unknown;
        return fieldsFirst ? say(fields ?? {}, message) : say(message, fields);
      });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** pino (`bindings`) and bunyan (`addSerializers`) fit our type, and would lose fields that come second. */
function takesFieldsFirst(logger: Logger): boolean {
  const { child, bindings, addSerializers } = logger as object as Partial<Record<string, unknown>>;
  return typeof child === "function" && [bindings, addSerializers].some((own) => typeof own === "function");
}

/** The application's hooks: best effort, and what one throws, at once or later, is its own trouble. */
function hooksOf(
  { onTrim, onParked, onPublish }: RuntimeOptions,
  logger: Logger,
): Pick<Core, "archive" | "tellParked" | "tellPublish"> {
  const neutral = neutralContext();
  const safely = (name: string, hook: () => unknown): void => {
    const call = (): void => {
      callHook(hook, (error) => {
        logger.error(`${name} threw`, framesOf(error));
      });
    };
    // Not within the call: a hook that is slow to return must not hold up what it is told of.
    neutral(() => void Promise.resolve().then(call));
  };
  return {
    archive(jobId, entries) {
      if (onTrim !== undefined) safely("onTrim", () => onTrim(jobId, entries));
    },
    tellParked(message, reason) {
      if (onParked === undefined) return;
      const { sentAt } = message;
      const shown = { ...message, sentAt: sentAt === null ? null : new Date(sentAt) };
      safely("onParked", () => onParked(shown, reason));
    },
    tellPublish(attempt) {
      if (onPublish !== undefined) safely("onPublish", () => onPublish(attempt));
    },
  };
}

function servedHere({ notifiers }: RuntimeOptions): ReadonlyMap<string, Notifier> {
  const here = Object.entries(notifiers ?? {}).flatMap(([name, given]): [string, Notifier][] =>
    isServedElsewhere(given) ? [] : [[name, given]],
  );
  return new Map(here);
}

/** Where hints go and come from, and whether the store publishes there by itself. */
function feedOf({ feed, store }: RuntimeOptions): HintSource | null {
  if (feed !== undefined) return { feed, storeTells: false };
  return store.feed === undefined ? null : { feed: store.feed, storeTells: store.tellsChanges === true };
}

function queuesOf({ queue, queues }: RuntimeOptions): ReadonlyMap<string, Queue> {
  const named = new Map(Object.entries(queues ?? {}));
  if (queue !== undefined) named.set(DEFAULT_QUEUE, queue);
  return named;
}

function idsOf({ ids = systemIds, newId }: RuntimeOptions): Ids {
  return newId === undefined ? ids : { ...ids, job: newId };
}

/** Everything that was passed in, in the order in which it is closed. */
function partsOf(options: RuntimeOptions): ReadonlySet<Closable> {
  const { store, queue, queues, feed } = options;
  const parts: readonly (Closable | undefined)[] = [
    queue,
    ...Object.values(queues ?? {}),
    ...servedHere(options).values(),
    feed,
    store.feed,
    store,
  ];
  return new Set(parts.filter((part) => part !== undefined));
}

interface Closable {
  close?(): Promise<void>;
}

/**
 * Every part that was passed in frees what it made itself, unless another Waybill still uses it; one that fails does not keep
 * the others open.
 */
async function closeParts(options: RuntimeOptions, logger: Logger): Promise<void> {
  for (const part of partsOf(options)) {
    if (!letGoOfPart(part)) continue;
    try {
      await part.close?.();
    } catch (error) {
      logger.warn("a part could not be closed", { code: codeOf(error) });
    }
  }
}
