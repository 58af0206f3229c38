import { WaybillError } from "../../errors/errors.js";
import { checkOptions, checkWhole } from "../../options/options.js";
import type { RuntimeHandler } from "../../handler.js";
import type { Core } from "../context.js";
import { checkText } from "../compose/option-checks.js";
import { queueOf } from "../submit/submit.js";
import { peek } from "../run/text.js";

export interface WorkerOptions {
  /** Handlers that run at once. @default 10 */
  readonly concurrency?: number | undefined;
  /** Names of the queues to serve. @default those of the handlers' kinds, and the store for kinds without one */
  readonly queues?: readonly string[] | undefined;
  /** Also repairs what others left: crashed claims, unsent messages, due polls, undelivered notifications. @default true */
  readonly reconcile?: boolean | undefined;
  /**
   * Whether polls of external work are asked for by delayed messages, where the queue delays that long.
   * @default where this worker does not reconcile
   */
  readonly wakeMessages?: boolean | undefined;
  /**
   * Some other process reconciles all the time: a message may then go before it falls to the dead letters, although the
   * claim on its job is another's. @default false
   */
  readonly reconciledElsewhere?: boolean | undefined;
  /** How long running handlers are given at `stop`; then their jobs are released. @default 30_000 // 30 s */
  readonly shutdownTimeoutMs?: number | undefined;
  /** How often an idle source of work is asked, where nothing tells of new work. @default 1_000 // 1 s */
  readonly pollIntervalMs?: number | undefined;
  /** Jobs claimed ahead of a free handler; their leases run meanwhile. For short handlers. @default 0 */
  readonly prefetch?: number | undefined;
  /** Who claims, for people to read. @default a random name */
  readonly name?: string | undefined;
}

/** How pushed messages are taken. */
export type IntakeOptions = Pick<
  WorkerOptions,
  "concurrency" | "name" | "wakeMessages" | "reconciledElsewhere"
>;

/** Options, checked and filled in. */
export interface WorkerSettings {
  readonly concurrency: number;
  readonly prefetch: number;
  readonly reconcile: boolean;
  /** Polls are asked for by delayed messages. */
  readonly wakeMessages: boolean;
  /** Somebody recovers what a worker leaves: this one, or another. */
  readonly recovered: boolean;
  readonly shutdownTimeoutMs: number;
  readonly pollIntervalMs: number;
  readonly name: string;
  readonly handlers: ReadonlyMap<string, RuntimeHandler>;
  readonly queues: readonly string[];
  /** Kinds that the store hands over to this worker. */
  readonly storeKinds: readonly string[];
}

const WORKER_OPTIONS = [
  "concurrency",
  "queues",
  "reconcile",
  "wakeMessages",
  "reconciledElsewhere",
  "shutdownTimeoutMs",
  "pollIntervalMs",
  "prefetch",
  "name",
] as const satisfies readonly (keyof WorkerOptions)[];
const MOST_CONCURRENT = 10_000;
const MOST_PREFETCHED = 500;

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}

/** @throws WaybillError `config.invalid`, `config.kind_unknown` or `config.capability_missing`, each one sentence */
export function checkWorker(
  core: Core,
  given: readonly RuntimeHandler[],
  options: WorkerOptions,
): WorkerSettings {
  checkOptions("worker", options, WORKER_OPTIONS);
  if (!isList(given) || given.length === 0) throw invalid("A worker needs at least one handler.");
  const handlers = checkHandlers(core, given);
  const {
    concurrency = 10,
    prefetch = 0,
    shutdownTimeoutMs = 30_000,
    pollIntervalMs = 1_000,
    reconcile = true,
    wakeMessages = !reconcile,
    reconciledElsewhere = false,
  } = options;
  checkCount("concurrency", concurrency, 1, MOST_CONCURRENT);
  checkCount("prefetch", prefetch, 0, MOST_PREFETCHED);
  checkWhole("shutdownTimeoutMs", shutdownTimeoutMs);
  checkWhole("pollIntervalMs", pollIntervalMs);
  if (pollIntervalMs === 0) throw invalid("pollIntervalMs must be at least 1.");
  checkText("name", options.name);
  checkFlag("reconcile", reconcile);
  checkFlag("wakeMessages", wakeMessages);
  checkFlag("reconciledElsewhere", reconciledElsewhere);
  return {
    concurrency,
    prefetch,
    reconcile,
    wakeMessages,
    recovered: reconcile || reconciledElsewhere,
    shutdownTimeoutMs,
    pollIntervalMs,
    name: options.name ?? nameFor(core, "worker"),
    handlers,
    ...sourcesOf(core, handlers, options.queues),
  };
}

/**
 * The settings of an intake: those of a worker that takes nothing by itself and does not reconcile. No handlers will do: dead
 * letters need none.
 *
 * @throws WaybillError `config.invalid` or `config.kind_unknown`, each one sentence
 */
export function checkIntake(
  core: Core,
  given: readonly RuntimeHandler[],
  options: IntakeOptions,
): WorkerSettings {
  checkOptions("intake", options, ["concurrency", "name", "wakeMessages", "reconciledElsewhere"]);
  const handlers = checkHandlers(core, given);
  const { concurrency = 10, wakeMessages = true, reconciledElsewhere = false } = options;
  checkCount("concurrency", concurrency, 1, MOST_CONCURRENT);
  checkText("name", options.name);
  checkFlag("wakeMessages", wakeMessages);
  checkFlag("reconciledElsewhere", reconciledElsewhere);
  return {
    concurrency,
    prefetch: 0,
    reconcile: false,
    wakeMessages,
    recovered: reconciledElsewhere,
    shutdownTimeoutMs: 0,
    pollIntervalMs: 1_000,
    name: options.name ?? nameFor(core, "intake"),
    handlers,
    queues: [],
    storeKinds: [],
  };
}

/** For people to read: who claims. */
function nameFor(core: Core, what: string): string {
  return `${what}-${core.ids.transition().slice(0, 8)}`;
}

function checkHandlers(core: Core, given: readonly RuntimeHandler[]): ReadonlyMap<string, RuntimeHandler> {
  if (!isList(given)) throw invalid("Handlers must be a list of what definition.handle(…) returns.");
  const handlers = new Map<string, RuntimeHandler>();
  for (const handler of given) {
    const kind = peek(peek(handler, "definition"), "kind");
    if (typeof kind !== "string" || typeof handler.run !== "function") {
      throw invalid("A worker takes what definition.handle(…) returns.");
    }
    if (handlers.has(kind)) throw invalid(`Two handlers of this worker have the kind ${kind}.`);
    if (!core.definitions.has(kind)) {
      throw new WaybillError(
        "config.kind_unknown",
        `The kind ${kind} of a handler is not among the jobs of this Waybill.`,
      );
    }
    handlers.set(kind, handler);
  }
  return handlers;
}

/** `Array.isArray` would forget what the list is of. */
function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function sourcesOf(
  core: Core,
  handlers: ReadonlyMap<string, RuntimeHandler>,
  named: readonly string[] | undefined,
): Pick<WorkerSettings, "queues" | "storeKinds"> {
  if (named !== undefined && !isList(named)) throw invalid("queues of a worker must be a list of names.");
  const queues = new Set<string>(named);
  for (const name of queues) {
    if (!core.queues.has(name))
      throw invalid(`The worker is to serve the queue ${name}, which is not among queues.`);
  }
  const storeKinds: string[] = [];
  for (const [kind, { definition }] of handlers) {
    if (definition.handOver === "own") continue;
    const queue = queueOf(core, definition);
    if (queue === null) storeKinds.push(kind);
    else if (named === undefined) queues.add(queue);
  }
  // Queues that are named are all that is served: the store has no name.
  if (named !== undefined) return { queues: [...queues], storeKinds: [] };
  if (storeKinds.length > 0 && !core.gateway.store.capabilities.queue) {
    throw new WaybillError(
      "config.capability_missing",
      "The store cannot hand jobs over, and there is no queue for them.",
    );
  }
  return { queues: [...queues], storeKinds };
}

function checkFlag(option: string, value: unknown): void {
  if (typeof value !== "boolean") throw invalid(`${option} must be true or false.`);
}

function checkCount(option: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(`${option} must be a whole number from ${String(least)} to ${String(most)}.`);
}
