import { monotonicNow, sleep } from "../../environment/clock.js";
import { isWaybillError, type WaybillError } from "../../errors/errors.js";
import type { RuntimeHandler } from "../../handler.js";
import { onAbort } from "../../live/on-abort.js";
import type { StoredJob, WakePosition } from "../../ports/store.js";
import type { Snapshot } from "../../job/record.js";
import { count } from "../../environment/telemetry.js";
import { codeOf, type Core, queueReasonOf } from "../context.js";
import { drainDeadLetters } from "./dead-letters.js";
import type { Dispatcher } from "../submit/dispatch.js";
import {
  type Handlers,
  putBack,
  serveNotifiers,
  servePoll,
  serveQuick,
  type SlowQueues,
  type Tools,
} from "./record.js";
import type { PollTimes } from "./poll-times.js";
import { createOneShot } from "../one-shot.js";
import type { Relay } from "../relay/relay.js";

export interface PassOptions {
  /** By kind: whose external work this process can look at. */
  readonly handlers: Handlers;
  /** The notifiers to deliver to, of those of this process. @default all of them */
  readonly notifiers?: ReadonlySet<string>;
  /** What cannot be done here is, by design, done by other processes: it is left to them, and not counted as unserved. */
  readonly leavesToOthers?: boolean;
  /** What is slow goes on beside the next pass, instead of being waited for until the time of this one is over. */
  readonly leavesSlow?: boolean;
  /** How long the pass may take; what it has not begun by then is left. */
  readonly budgetMs: number;
  /** Ends the pass early; looks at external work that are under way are called off. */
  readonly signal?: AbortSignal | undefined;
}

/** What a pass did. */
export interface ReconcileReport {
  /** Records that were due. */
  readonly looked: number;
  /** Of these, those for which something was done. */
  readonly acted: number;
  readonly sent: number;
  readonly swept: number;
  readonly polled: number;
  /** Notifiers that got on with a job. */
  readonly notified: number;
  /** Jobs that are FAILED because a deadline, theirs or that of their external work, has passed. */
  readonly failedDeadlines: number;
  /** Due records with a need that this process cannot serve. */
  readonly unserved: number;
  /** Dead letters that were judged. */
  readonly deadLetters: number;
  readonly purged: number;
  /** Records, and the rest of the work, that ended in an error; logged one by one. */
  readonly errors: number;
  /** The budget ended first. */
  readonly more: boolean;
  readonly elapsedMs: number;
}

/** What passes of one process know of each other. */
export interface PassMemory {
  readonly drainAt: Map<string, number>;
  purgeAt: number;
  readonly polls: PollTimes;
  /** When the next record is due, as the store told last. */
  nextDueAt: number | null;
  pulseAt: number;
}

const PAGE = 100;
/** The rate after a long outage: records at once, each with its round trips. */
const AT_ONCE = 10;
const POLLS_AT_ONCE = 10;
/** Polls in line, each with its record. What does not fit comes back when its hold is over. */
const MOST_POLLS_WAITING = 1_000;
/** A poll that is cut off by the end of its process delays the next by its whole lease. */
const POLL_NEEDS_MS = 5_000;
/** Polls that are due within it of one another are found together: what looks for them does not look more often. */
export const POLL_GRAIN_MS = 200;
const DRAIN_EVERY_MS = 30_000;
/** Where nothing had had its time at the last look, and where something had: jobs end, and so expire, at a rate. */
const PURGE_EVERY_MS = 10_000;
const PURGE_SOON_MS = 2_000;
const PURGE_LIMIT = 500;

/** One pass over what is due. Made for one `run`. */
export class Pass {
  readonly #core: Core;
  readonly #tools: Tools;
  readonly #options: PassOptions;
  readonly #memory: PassMemory;
  readonly #signal: AbortSignal;
  readonly #stops = createOneShot();
  readonly #startedAt: number;
  readonly #tally = { sent: 0, swept: 0, polled: 0, notified: 0, failedDeadlines: 0 };
  /** What goes on beside the pages. */
  readonly #beside = new Set<Promise<void>>();
  readonly #polls: { readonly start: () => Promise<void>; readonly drop: () => void }[] = [];
  #polling = 0;
  #looked = 0;
  #acted = 0;
  #unserved = 0;
  #deadLetters = 0;
  #purged = 0;
  #errors = 0;
  #more = false;
  #storeError: WaybillError | null = null;

  constructor(core: Core, dispatcher: Dispatcher, relay: Relay, memory: PassMemory, options: PassOptions) {
    this.#core = core;
    this.#options = options;
    this.#memory = memory;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#startedAt = monotonicNow(core.clock);
    const { handlers, notifiers, leavesToOthers = false } = options;
    const slowQueues: SlowQueues = {
      silent: new Set(),
      goOn: (what, call) => {
        this.#start(what, async () => {
          await call;
        });
      },
    };
    const who = { core, dispatcher, relay, handlers, notifiers, leavesToOthers };
    this.#tools = { ...who, tally: this.#tally, slowQueues };
  }

  /** @throws StoreUnavailableError when the store cannot be reached */
  async run(): Promise<ReconcileReport> {
    const stop = (): void => {
      this.#stops.fire();
    };
    const deaf = onAbort(this.#signal, stop);
    try {
      return await this.#run();
    } finally {
      // What goes on beside may outlive the pass, and must still hear of the end.
      void Promise.all(this.#beside).then(deaf);
    }
  }

  async #run(): Promise<ReconcileReport> {
    for (const name of this.#core.queues.keys()) this.#drain(name);
    this.#purge();
    await this.#records();
    if (this.#storeError !== null) throw this.#storeError;
    await this.#pulse();
    return {
      looked: this.#looked,
      acted: this.#acted,
      ...this.#tally,
      unserved: this.#unserved,
      deadLetters: this.#deadLetters,
      purged: this.#purged,
      errors: this.#errors,
      more: this.#more,
      elapsedMs: monotonicNow(this.#core.clock) - this.#startedAt,
    };
  }

  #left(): number {
    return this.#options.budgetMs - (monotonicNow(this.#core.clock) - this.#startedAt);
  }

  #over(): boolean {
    return this.#left() <= 0 || this.#signal.aborted;
  }

  /** Pages until nothing is due; while slower work goes on, what becomes due meanwhile is looked at too. */
  async #records(): Promise<void> {
    let after: WakePosition | undefined;
    while (!this.#over()) {
      // A poll that is taken and cannot be begun any more comes back when its hold is over: the next pass begins it now.
      if (this.#options.leavesSlow === true && this.#isLate() && this.#beside.size > 0) break;
      const jobs = await this.#takeDue(after);
      await this.#page(jobs);
      if (this.#storeError !== null) return;
      const last = jobs[jobs.length - 1];
      after = last === undefined ? undefined : { wakeAt: last.dueAt, id: last.record.id };
      if (last !== undefined) continue;
      if (this.#beside.size > 0) await this.#waitBeside();
      if (this.#beside.size === 0) return;
    }
    this.#more = true;
    this.#pumpPolls();
  }

  async #takeDue(after: WakePosition | undefined) {
    const askedAt = this.#core.time.now();
    const holdMs = Math.min(30_000, this.#core.policy.takeDueHoldMs);
    const reply = await this.#core.gateway.call("takeDue", (store, request) =>
      store.takeDue({ ...request, limit: PAGE, holdMs, ...(after === undefined ? {} : { after }) }),
    );
    this.#memory.nextDueAt = reply.nextDueAt ?? null;
    this.#memory.polls.lookedAt(askedAt);
    return reply.jobs;
  }

  async #page(jobs: readonly StoredJob[]): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (this.#storeError === null && !this.#signal.aborted) {
        const job = jobs[next];
        // Whatever the take has left of the budget, some are served: pass after pass would only put them off.
        if (job === undefined || (next >= AT_ONCE && this.#over())) return;
        next += 1;
        await this.#guarded(job.record.id, () => this.#one({ record: job.record, cursors: job.cursors }));
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, jobs.length) }, lane));
  }

  async #one(taken: Snapshot): Promise<void> {
    const { id } = taken.record;
    this.#looked += 1;
    const rest = await serveQuick(this.#tools, taken);
    if (rest === null) return;
    this.#noteServed(id, rest.unserved);
    if (rest.notify) this.#start(id, () => serveNotifiers(this.#tools, rest.snapshot));
    if (rest.poll !== null) this.#line(rest.snapshot, rest.poll);
    if (rest.notify || rest.poll !== null || rest.snapshot.record.version !== taken.record.version)
      this.#acted += 1;
    await putBack(this.#tools, taken, rest);
  }

  #noteServed(id: string, unserved: boolean): void {
    if (!unserved) {
      this.#core.unserved.served(id);
      return;
    }
    this.#unserved += 1;
    count(this.#core.telemetry, "unserved");
    this.#core.unserved.note(id);
  }

  /** One record, or one other piece of work, in trouble does not keep the rest; a store that is down ends the pass. */
  async #guarded(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#errors += 1;
      this.#core.logger.warn("reconciling failed", { what, error: codeOf(error), ...queueReasonOf(error) });
      if (isWaybillError(error, "store.unavailable")) this.#storeError ??= error;
    }
  }

  /** Starts work that goes on beside the pages. */
  #start(what: string, work: () => Promise<void>): void {
    const running = this.#guarded(what, work).then(() => {
      this.#beside.delete(running);
    });
    this.#beside.add(running);
  }

  /** Calls `stop` when the pass is told to end; what begins after that ends with the time that is left. */
  #onStop(stop: () => void): () => void {
    if (!this.#stops.fired) this.#stops.on(stop);
    return () => {
      this.#stops.off(stop);
    };
  }

  async #waitBeside(): Promise<void> {
    const waited = new AbortController();
    const wake = (): void => {
      waited.abort();
    };
    const forget = this.#onStop(wake);
    const pauseMs = Math.min(this.#core.policy.reconcileBusyMs, this.#left(), this.#untilNextPollMs());
    const pause = sleep(this.#core.clock, Math.max(1, pauseMs), waited.signal, true);
    await Promise.race([pause, Promise.all(this.#beside)]);
    wake();
    forget();
  }

  #isLate(): boolean {
    return this.#left() < Math.min(2 * POLL_NEEDS_MS, 0.75 * this.#options.budgetMs);
  }

  /** Slow work beside must not make the polls of others late. */
  #untilNextPollMs(): number {
    const at = this.#memory.polls.nextAt(this.#options.handlers);
    return at === null ? Number.POSITIVE_INFINITY : Math.max(POLL_GRAIN_MS, at - this.#core.time.now());
  }

  // ---- polls: their own line, since they are slow and must not hold up sends and sweeps ----------------------------------

  #line(snapshot: Snapshot, handler: RuntimeHandler): void {
    if (this.#polls.length >= MOST_POLLS_WAITING) {
      this.#more = true;
      return;
    }
    this.#start(
      snapshot.record.id,
      () =>
        new Promise<void>((resolve, reject) => {
          this.#polls.push({
            start: () => this.#poll(snapshot, handler).then(resolve, reject),
            drop: resolve,
          });
        }),
    );
    this.#pumpPolls();
  }

  async #poll(snapshot: Snapshot, handler: RuntimeHandler): Promise<void> {
    const ending = new AbortController();
    const forget = this.#onStop(() => {
      ending.abort();
    });
    try {
      await servePoll(this.#tools, handler, snapshot, ending.signal);
    } finally {
      forget();
    }
  }

  #pumpPolls(): void {
    const enough = Math.min(POLL_NEEDS_MS, this.#options.budgetMs / 2);
    if (this.#left() < enough || this.#signal.aborted) {
      if (this.#polls.length > 0) this.#more = true;
      for (const { drop } of this.#polls.splice(0)) drop();
    }
    while (this.#polling < POLLS_AT_ONCE) {
      const poll = this.#polls.shift();
      if (poll === undefined) return;
      this.#polling += 1;
      void poll.start().then(() => {
        this.#polling -= 1;
        this.#pumpPolls();
      });
    }
  }

  // ---- the rest ----------------------------------------------------------------------------------------------------------

  #drain(name: string): void {
    const { clock, queues } = this.#core;
    if (queues.get(name)?.deadLetters === undefined) return;
    if ((this.#memory.drainAt.get(name) ?? 0) > monotonicNow(clock)) return;
    this.#memory.drainAt.set(name, monotonicNow(clock) + DRAIN_EVERY_MS);
    const budget = { left: () => this.#left(), signal: this.#signal };
    this.#start(`dead letters of ${name}`, async () => {
      const { received } = await drainDeadLetters(this.#core, this.#tools.dispatcher, name, budget);
      this.#deadLetters += received;
      if (received > 0) this.#memory.drainAt.delete(name);
    });
  }

  #purge(): void {
    const { clock, gateway, policy, time } = this.#core;
    if (monotonicNow(clock) < this.#memory.purgeAt) return;
    this.#memory.purgeAt = monotonicNow(clock) + PURGE_EVERY_MS;
    this.#start("purge", async () => {
      const parkedBefore = time.now() - policy.parkedRetainMs;
      let jobs = PURGE_LIMIT;
      while (jobs >= PURGE_LIMIT && !this.#over()) {
        ({ jobs } = await gateway.call("purge", (store, request) =>
          store.purge({ ...request, limit: PURGE_LIMIT, parkedBefore }),
        ));
        this.#purged += jobs;
      }
      if (jobs >= PURGE_LIMIT) {
        this.#more = true;
        this.#memory.purgeAt = 0;
      } else if (this.#purged > 0) this.#memory.purgeAt = monotonicNow(clock) + PURGE_SOON_MS;
    });
  }

  /** A sign of life for people and watchdogs: passes that follow each other closely share one. */
  async #pulse(): Promise<void> {
    const { clock, gateway, policy, unserved } = this.#core;
    // Either way: a clock may be set back.
    if (Math.abs(clock.now() - this.#memory.pulseAt) < policy.reconcileBusyMs / 2) return;
    this.#memory.pulseAt = clock.now();
    await gateway.call("pulse", (store, request) => store.pulse({ ...request, unserved: unserved.count() }));
  }
}
