import { systemClock, type Clock } from "../../core/environment/clock.js";
import { StoreUnavailableError, WaybillError } from "../../core/errors/errors.js";
import type { Notifier } from "../../core/ports/notifier.js";
import type { Queue, SendResult } from "../../core/ports/queue.js";
import type { Store } from "../../core/ports/store.js";
import { underFault, type BrokenOutcome } from "./fault-call.js";
import {
  FaultPlan,
  type Fault,
  type FaultPart,
  type FaultRule,
  type InjectedFault,
  type RandomFaults,
} from "./fault-plan.js";
import { interceptQueue, type QueueMethod } from "./intercept-queue.js";
import { interceptStore, type StoreMethod } from "./intercept-store.js";

export type { Fault, FaultPart, FaultRule, InjectedFault, RandomFaults } from "./fault-plan.js";

/** What a plan of faults counts time and chance by. */
export interface FaultsOptions {
  /** Times `late` and `delay`. @default the system clock */
  readonly clock?: Clock | undefined;
  /** Of `random`: the same seed breaks the same calls of the same run. @default 1 */
  readonly seed?: number | undefined;
}

/**
 * What breaks, and when. One plan may serve several wrapped parts; they share its counts.
 *
 * Only one fault befalls a call: an outage comes before a rule, a rule before chance.
 */
export interface Faults {
  /** Breaks calls of one method of the store, or of any. */
  store(method: StoreMethod | "any", rule: FaultRule): void;
  queue(method: QueueMethod | "any", rule: FaultRule): void;
  notifier(rule: FaultRule): void;
  /** Breaks calls by chance until `heal`; `null` ends it. */
  random(chance: RandomFaults | null): void;
  /** Breaks every call of a part until `heal`. @param fault default `not_applied`: nobody can be reached */
  outage(part: FaultPart, fault?: Fault): void;
  /** Ends every rule, outage and chance; calls that hang are answered "unknown". */
  heal(): void;
  /** The faults that took place, in order: a test that means to break something checks that it did. */
  readonly injected: readonly InjectedFault[];
  /** Calls that hang now. */
  hanging(): number;
  /** Wraps a store: it rejects with `StoreUnavailableError`, whose outcome says what the fault lets the caller know. */
  wrapStore<Tx>(store: Store<Tx>): Store<Tx>;
  /**
   * Wraps a queue and its deliveries. A broken `send` answers `unknown` for each message; everything else rejects with
   * `queue.unavailable`. A `receive` whose response is lost keeps its messages hidden until their visibility is over;
   * one that hangs does not hear its signal.
   */
  wrapQueue(queue: Queue): Queue;
  /** Wraps a notifier: a broken `publish` rejects. */
  wrapNotifier<K extends string>(notifier: Notifier<K>): Notifier<K>;
}

/** Makes a plan of faults, empty at first. */
export function createFaults(options: FaultsOptions = {}): Faults {
  const plan = new FaultPlan(options.clock ?? systemClock, options.seed ?? 1);
  const named = (method: string): string | null => (method === "any" ? null : method);
  return {
    store(method, rule) {
      plan.add("store", named(method), rule);
    },
    queue(method, rule) {
      plan.add("queue", named(method), rule);
    },
    notifier(rule) {
      plan.add("notifier", null, rule);
    },
    random(chance) {
      plan.random(chance);
    },
    outage(part, fault = "not_applied") {
      plan.outage(part, fault);
    },
    heal() {
      plan.heal();
    },
    injected: plan.injected,
    hanging: () => plan.hanging(),
    wrapStore: (store) => faultyStore(store, plan),
    wrapQueue: (queue) => faultyQueue(queue, plan),
    wrapNotifier: (notifier) => faultyNotifier(notifier, plan),
  };
}

/** A broken read has changed nothing, whatever became of its answer. */
const READS: ReadonlySet<StoreMethod> = new Set(["read", "list", "byRef", "parked", "health", "ready"]);

function faultyStore<Tx>(store: Store<Tx>, plan: FaultPlan): Store<Tx> {
  return interceptStore(store, (method, _items, call) =>
    underFault(plan, plan.next("store", method), call, (known) => {
      const outcome = READS.has(method) ? "not_applied" : known;
      throw new StoreUnavailableError(`The store did not answer "${method}": a fault was injected.`, {
        outcome,
      });
    }),
  );
}

function faultyQueue(queue: Queue, plan: FaultPlan): Queue {
  return interceptQueue(queue, {
    send: (messages, call) =>
      underFault(plan, plan.next("queue", "send"), call, (known): readonly SendResult[] =>
        messages.map(() => ({ status: "unknown", reason: `a fault was injected (${known})` })),
      ),
    other: (method, _items, call) =>
      underFault(plan, plan.next("queue", method), call, (outcome) => {
        throw new WaybillError(
          "queue.unavailable",
          `The queue did not answer "${method}": a fault was injected.`,
          {
            outcome,
          },
        );
      }),
  });
}

function faultyNotifier<K extends string>(notifier: Notifier<K>, plan: FaultPlan): Notifier<K> {
  const broken = (outcome: BrokenOutcome): never => {
    throw new Error(`The notifier did not answer (${outcome}): a fault was injected.`);
  };
  return {
    kinds: notifier.kinds,
    on: notifier.on,
    giveUpAfterMs: notifier.giveUpAfterMs,
    timeoutMs: notifier.timeoutMs,
    maxBatch: notifier.maxBatch,
    // A notifier without lanes has no such method.
    ...(notifier.lane && { lane: notifier.lane.bind(notifier) }),
    publish: (events, context) =>
      underFault(plan, plan.next("notifier", "publish"), () => notifier.publish(events, context), broken),
    close: () => notifier.close?.() ?? Promise.resolve(),
  };
}
