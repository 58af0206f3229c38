import type { Clock } from "../core/environment/clock.js";
import { realMacrotask } from "./macrotask.js";

/** Where a fake clock begins. */
export interface FakeClockOptions {
  /** The first `now()`, Unix milliseconds or an ISO date. @default "2025-01-01T00:00:00Z" */
  readonly start?: number | string | undefined;
}

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** By `advance` alone. */
  monotonic(): number;
  /** Sets the wall clock: `now` moves, and no time passes. */
  step(ms: number): void;
  /**
   * Moves time on by `ms`, timer by timer in order of their instants (ties: in order of creation), and settles before the
   * first, between any two and after the last. Timers set on the way run too when they are due by then.
   *
   * @throws Error when called again before it has ended, or when the code under test never comes to rest
   */
  advance(ms: number): Promise<void>;
  /**
   * Runs promise continuations, deferred work and timers that are due already, until nothing happens any more without
   * time passing. It does not see work that waits for real I/O (sockets, files): await that yourself.
   */
  settle(): Promise<void>;
  /** Moves time on, timer by timer, until the promise settles. @throws Error when `limitMs` (one hour) were not enough */
  runUntil<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Timers that have not run yet. */
  pending(): number;
  /** When the next timer is due, by `now`; `null`: there is none. */
  nextTimerAt(): number | null;
  /** The same timers, seen by a machine whose clock is off by `offsetMs`. */
  skewed(offsetMs: number): Clock;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** A loop that needs no time would never end: far more than any test does at one instant. */
const MOST_STEPS_AT_ONE_INSTANT = 1_000_000;

// Taken at load: a test that fakes the runtime's timers later must not stop this clock either.
const macrotask = realMacrotask();

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    macrotask(resolve);
  });

/**
 * Makes a clock for tests. Two runs of the same code see the same order of events.
 *
 * Deferred work runs in a real macrotask of its own, as with the system clock: the runtime empties the queue of promise
 * continuations, however long their chains, before each. So `settle` needs no guess at how many turns are enough: when
 * one macrotask has passed, nothing is deferred and no timer is due, the code under test waits for time or for real I/O.
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  return new ManualClock(new Date(options.start ?? "2025-01-01T00:00:00Z").getTime());
}

class ManualClock implements FakeClock {
  /** The time that passes, which timers go by. */
  #now: number;
  #steppedMs = 0;
  /** In order of creation, which decides ties. */
  readonly #timers = new Set<Timer>();
  #deferred = 0;
  #ran = 0;
  #advancing = false;

  constructor(start: number) {
    if (!Number.isFinite(start)) throw new TypeError("The start of a fake clock is no instant.");
    this.#now = start;
  }

  now(): number {
    return this.#now + this.#steppedMs;
  }

  monotonic(): number {
    return this.#now;
  }

  step(ms: number): void {
    this.#steppedMs += ms;
  }

  timer(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), fn };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  defer(fn: () => void): void {
    this.#deferred += 1;
    macrotask(() => {
      this.#deferred -= 1;
      this.#ran += 1;
      fn();
    });
  }

  async advance(ms: number): Promise<void> {
    await this.#exclusively(() => this.#moveTo(this.#now + ms));
  }

  async settle(): Promise<void> {
    // While time moves, somebody settles already; two drivers would run the timers in an order of chance.
    if (this.#advancing)
      throw new Error("The fake clock is moving: await the running call of advance first.");
    await this.#settle();
  }

  async runUntil<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    const limit = this.#now + limitMs;
    await this.#exclusively(async () => {
      await this.#settle();
      for (;;) {
        const next = this.#next()?.at ?? null;
        if (settled) return;
        if (next === null)
          throw new Error("The promise waits for nothing that this clock knows of: no timer is set.");
        if (next > limit)
          throw new Error(`The promise was not settled after ${String(limitMs)} ms of fake time.`);
        await this.#moveTo(next, () => settled);
      }
    });
    return promise;
  }

  pending(): number {
    return this.#timers.size;
  }

  nextTimerAt(): number | null {
    const next = this.#next();
    return next === null ? null : next.at + this.#steppedMs;
  }

  skewed(offsetMs: number): Clock {
    return {
      now: () => this.now() + offsetMs,
      monotonic: () => this.#now,
      timer: (ms, fn) => this.timer(ms, fn),
      defer: (fn) => {
        this.defer(fn);
      },
    };
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#advancing) throw new Error("The fake clock is moving already: await the running call first.");
    this.#advancing = true;
    try {
      await work();
    } finally {
      this.#advancing = false;
    }
  }

  async #moveTo(target: number, enough: () => boolean = () => false): Promise<void> {
    await this.#settle();
    for (let next = this.#next(); next && next.at <= target && !enough(); next = this.#next()) {
      this.#now = Math.max(this.#now, next.at);
      this.#run(next);
      await this.#settle();
    }
    if (!enough()) this.#now = target;
  }

  async #settle(): Promise<void> {
    const before = this.#ran;
    for (;;) {
      await turn();
      if (this.#ran - before > MOST_STEPS_AT_ONE_INSTANT) {
        throw new Error("The code under test goes on for ever without time passing.");
      }
      if (this.#deferred > 0) continue;
      const next = this.#next();
      if (next === null || next.at > this.#now) return;
      this.#run(next);
    }
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    this.#ran += 1;
    timer.fn();
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) if (next === null || timer.at < next.at) next = timer;
    return next;
  }
}
