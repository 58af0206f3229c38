import { memoryNotifier, type MemoryNotifier } from "../adapters/memory/notifier.js";
import { memoryStore } from "../adapters/memory/store.js";
import type { HandlerFor } from "../core/api/worker.js";
import type { Waybill } from "../core/api/waybill.js";
import { createWaybill } from "../core/create-waybill.js";
import type { CallbackOptions } from "../core/callback/callbacks.js";
import type { Policy } from "../core/defaults.js";
import type { AnyDef } from "../core/define/any-def.js";
import type { JobEvent } from "../core/job/event.js";
import type { Logger } from "../core/environment/logger.js";
import type { Queue } from "../core/ports/queue.js";
import { fakeClock, type FakeClock } from "./fake-clock.js";
import { createFaults, type Faults } from "./faults/faults.js";
import { seededIds } from "./seeded-ids.js";

/** What a test Waybill is put together from; the store, the clock and one notifier are its own. */
export interface TestWaybillOptions<Defs extends readonly AnyDef[]> {
  readonly jobs: Defs;
  /** Worked on from the start. @default none */
  readonly handlers?: readonly HandlerFor<Defs[number]>[] | undefined;
  /** Where the clock stands at first. @default 2025-01-01 */
  readonly now?: Date | undefined;
  /** Ids and jitter come from it: one seed, one run. @default 1 */
  readonly seed?: number | undefined;
  /** Kinds with a named queue need it here too. */
  readonly queues?: Readonly<Record<string, Queue>> | undefined;
  readonly concurrency?: number | undefined;
  readonly policy?: Partial<Policy> | undefined;
  /** As of `createWaybill`. */
  readonly callbacks?: CallbackOptions | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
}

/** A Waybill in memory under a fake clock: nothing happens by itself, everything happens in the same order each time. */
export interface TestWaybill<Defs extends AnyDef> extends Waybill<Defs> {
  readonly clock: FakeClock;
  /** Breaks calls of the store and of the notifier. */
  readonly fault: Faults;
  readonly notifier: MemoryNotifier;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Moves time on: timers, leases, backoffs and polls come due on the way. */
  advance(ms: number): Promise<void>;
  /** What the notifier was told so far, of one kind or of all. */
  events(def?: Defs): readonly JobEvent[];
  /** The next event that the notifier is told and that no earlier call returned. */
  nextEvent(): Promise<JobEvent>;
}

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Makes a Waybill for tests: memory store, fake clock, seeded ids, recording notifier, and a running worker. */
export function testWaybill<const Defs extends readonly AnyDef[]>(
  options: TestWaybillOptions<Defs>,
): TestWaybill<Defs[number]> {
  const clock = fakeClock(options.now === undefined ? {} : { start: options.now.getTime() });
  const fault = createFaults({ clock, ...(options.seed === undefined ? {} : { seed: options.seed }) });
  const notifier = memoryNotifier();
  const ids = seededIds(options.seed ?? 1);
  const composition = {
    jobs: options.jobs,
    store: fault.wrapStore(memoryStore()),
    queues: options.queues ?? {},
    notifiers: { test: fault.wrapNotifier(notifier) },
    clock,
    ids,
    logger: options.logger ?? SILENT,
    callbacks: options.callbacks,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
  };
  // The types of a composition need kinds that are known one by one; here they are whatever the test gives.
  const waybill = createWaybill(composition as never) as Waybill<Defs[number]>;
  const { handlers = [] } = options;
  if (handlers.length > 0) void waybill.worker(handlers, { concurrency: options.concurrency ?? 10 }).run();
  return {
    ...waybill,
    clock,
    fault,
    notifier,
    settle: () => clock.settle(),
    advance: (ms) => clock.advance(ms),
    events: (def) => notifier.events.filter((event) => def === undefined || event.kind === def.kind),
    nextEvent: () => clock.runUntil(notifier.nextEvent()),
  };
}
