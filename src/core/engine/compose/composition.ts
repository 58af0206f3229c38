import type { CallbackOptions } from "../../callback/callbacks.js";
import type { Clock } from "../../environment/clock.js";
import { DEFAULT_POLICY, type Policy } from "../../defaults.js";
import { HIGHEST_COUNT, isDurationMs } from "../../options/durations.js";
import type { Definition } from "../../definition.js";
import { WaybillError } from "../../errors/errors.js";
import type { HistoryEntry } from "../../job/history.js";
import type { Ids } from "../../environment/ids.js";
import type { Logger } from "../../environment/logger.js";
import type { Feed } from "../../ports/feed.js";
import type { Notifier } from "../../ports/notifier.js";
import type { Queue } from "../../ports/queue.js";
import type { AnyStore } from "../../ports/store.js";
import type { Telemetry } from "../../environment/telemetry.js";
import { DEFAULT_QUEUE, type ParkedDelivery } from "../context.js";
import { meant, nearest } from "../../options/nearest.js";
import { EVENT_OF } from "../../job/event.js";
import { isServedElsewhere, type ServedElsewhere } from "../../served-elsewhere.js";
import type { PublishAttempt } from "../relay/attempt.js";

/** A message that was put aside, as the application is told of it. */
export interface ParkedInfo extends Omit<ParkedDelivery, "sentAt"> {
  readonly sentAt: Date | null;
}

/** What `createWaybill` takes, without types. */
export interface RuntimeOptions {
  readonly jobs: readonly Definition[];
  readonly store: AnyStore;
  readonly queue?: Queue | undefined;
  readonly queues?: Readonly<Record<string, Queue>> | undefined;
  readonly notifiers?: Readonly<Record<string, Notifier | ServedElsewhere>> | undefined;
  readonly retired?: readonly string[] | undefined;
  readonly feed?: Feed | undefined;
  readonly logger?: Logger | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly callbacks?: CallbackOptions | undefined;
  readonly clock?: Clock | undefined;
  readonly newId?: (() => string) | undefined;
  readonly ids?: Ids | undefined;
  readonly policy?: Partial<Policy> | undefined;
  /** Told of messages that were put aside, best effort. */
  readonly onParked?: ((message: ParkedInfo, reason: string) => unknown) | undefined;
  /** Told of every try at a notifier, best effort. */
  readonly onPublish?: ((attempt: PublishAttempt) => unknown) | undefined;
  /** Takes entries trimmed from a history, oldest first. */
  readonly onTrim?: ((jobId: string, entries: readonly HistoryEntry[]) => unknown) | undefined;
}

/** Checks that the parts fit each other, before anything is reached. What types can refuse, they refuse earlier. */
export function checkComposition(options: RuntimeOptions): void {
  checkKinds(options);
  checkQueues(options);
  checkNotifiers(options);
  checkPolicy(options);
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}

function checkKinds({ jobs, store }: RuntimeOptions): void {
  if (jobs.length === 0) throw invalid("jobs must name at least one definition.");
  const kinds = new Set<string>();
  for (const definition of jobs) {
    if (!isObject(definition)) throw invalid("jobs must hold what defineJob made.");
    const { kind } = definition;
    if (kinds.has(kind)) throw invalid(`Two definitions have the kind ${kind}.`);
    kinds.add(kind);
  }
  requirePart("store", store, "a store, such as memoryStore() or that of an engine", STORE_METHODS);
}

const STORE_METHODS = [
  ...["create", "read", "write", "beat", "claim", "takeDue", "advance", "list", "byRef"],
  ...["park", "parked", "unpark", "pulse", "health", "purge", "ready", "close"],
];
const QUEUE_METHODS = ["send", "receive"];

/** What is passed must have what the engine calls: a wrong part is told here, and not by the first job. */
function requirePart(name: string, part: unknown, what: string, methods: readonly string[]): void {
  const given = part as Readonly<Record<string, unknown>> | null | undefined;
  if (!isObject(given)) throw invalid(`${name} must be ${what}.`);
  const lacking = methods.find((method) => typeof given[method] !== "function");
  if (lacking !== undefined) throw invalid(`${name} must be ${what}: this one has no ${lacking}.`);
  if (!isObject(given["capabilities"]))
    throw invalid(`${name} must be ${what}: this one has no capabilities.`);
}

/** Not everybody who composes has types to be held by. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isNamed(parts: unknown): boolean {
  return isObject(parts) && !Array.isArray(parts);
}

const A_QUEUE = "a queue, such as memoryQueue() or that of a broker";

function checkQueues({ jobs, store, queue, queues }: RuntimeOptions): void {
  if (queues !== undefined && !isNamed(queues))
    throw invalid("queues must be an object: each has a name that stays.");
  for (const name of Object.keys(queues ?? {})) {
    checkName("queue", name);
    if (name === DEFAULT_QUEUE) throw invalid(`The name ${DEFAULT_QUEUE} is that of the option queue.`);
    requirePart(`queues.${name}`, queues?.[name], A_QUEUE, QUEUE_METHODS);
  }
  if (queue !== undefined) requirePart("queue", queue, A_QUEUE, QUEUE_METHODS);
  for (const { kind, queue: name, handOver } of jobs) {
    if (handOver === "own") continue;
    if (name !== null && !Object.hasOwn(queues ?? {}, name)) {
      throw invalid(`The kind ${kind} goes through the queue ${name}, which is not among queues.`);
    }
    if (name === null && queue === undefined && !store.capabilities.queue) {
      throw new WaybillError(
        "config.capability_missing",
        `The store cannot be a queue, and there is no queue for the kind ${kind}: pass a queue, such as one on SQS.`,
      );
    }
  }
}

function checkNotifiers({ jobs, notifiers, retired }: RuntimeOptions): void {
  const kinds = new Set(jobs.map((definition) => definition.kind));
  // A position is no name: another order in a deploy would swap what they have got.
  if (notifiers !== undefined && !isNamed(notifiers))
    throw invalid("notifiers must be an object: each has a name that stays.");
  for (const [name, notifier] of Object.entries(notifiers ?? {})) {
    checkName("notifier", name);
    if (!isObject(notifier)) throw invalid(`The notifier ${name} must be a notifier.`);
    if (retired?.includes(name) === true) throw invalid(`The notifier ${name} is configured and retired.`);
    if (isServedElsewhere(notifier)) continue;
    checkNotifier(name, notifier);
    for (const kind of notifier.kinds ?? []) {
      if (!kinds.has(kind))
        throw invalid(`The notifier ${name} filters by the kind ${kind}, which is not among jobs.`);
    }
  }
}

/** Names are parts of keys in every store, and in addresses. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

function checkName(what: "queue" | "notifier", name: string): void {
  if (NAME.test(name)) return;
  throw invalid(`The name of a ${what} must be 1 to 64 letters, digits, _ or -.`);
}

function checkNotifier(name: string, notifier: Notifier): void {
  const given: Readonly<Record<string, unknown>> = { ...notifier };
  if (typeof notifier.publish !== "function") throw invalid(`The notifier ${name} has no publish.`);
  if (given["lane"] !== undefined && typeof given["lane"] !== "function")
    throw invalid(`The lane of the notifier ${name} must be a function.`);
  checkEvents(`The notifier ${name}`, notifier.on ?? []);
  for (const option of ["giveUpAfterMs", "timeoutMs", "maxBatch"]) {
    const value = given[option];
    if (value === undefined || (isDurationMs(value) && value > 0)) continue;
    throw invalid(
      `${option} of the notifier ${name} must be a whole number above 0, at most a hundred years of ms.`,
    );
  }
}

const EVENTS: readonly string[] = [...new Set(Object.values(EVENT_OF))];

function ownName(type: string): string {
  return type.replace(/^job\./, "");
}

/** @throws WaybillError `config.invalid` for a type of event that does not exist */
export function checkEvents(what: string, types: readonly string[]): void {
  for (const type of types) {
    if (EVENTS.includes(type)) continue;
    // By what tells them apart: their common beginning would make strangers near.
    const near = typeof type === "string" ? nearest(ownName(type), EVENTS.map(ownName)) : null;
    const hint = near === null ? "" : ` Did you mean job.${near}?`;
    throw invalid(`${what} names an event that does not exist.${hint} Events are ${EVENTS.join(", ")}.`);
  }
}

function checkPolicy({ policy }: RuntimeOptions): void {
  const given: Readonly<Record<string, unknown>> = { ...policy };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_POLICY, name))
      throw invalid(`There is no policy.${name}. ${meant(name, Object.keys(DEFAULT_POLICY))}`);
    if (value !== undefined) checkLike(`policy.${name}`, DEFAULT_POLICY[name as keyof Policy], value);
  }
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= HIGHEST_COUNT;
}

/** A number where the default is one, else an object with the same numbers in it. */
function checkLike(option: string, usual: Policy[keyof Policy], value: unknown): void {
  if (typeof usual === "number") {
    const isTime = option.endsWith("Ms");
    if (option === "policy.retainMs" && value === Number.POSITIVE_INFINITY) return;
    if (isTime ? isDurationMs(value) : isCount(value)) return;
    const [unit, most] = isTime ? [" of milliseconds", "a hundred years"] : ["", String(HIGHEST_COUNT)];
    throw invalid(`${option} must be a whole number${unit} from 0 to ${most}.`);
  }
  if (!isObject(value)) throw invalid(`${option} must have ${Object.keys(usual).join(", ")}.`);
  for (const [name, each] of Object.entries(usual)) {
    checkLike(`${option}.${name}`, each as number, (value as Readonly<Record<string, unknown>>)[name]);
  }
}
