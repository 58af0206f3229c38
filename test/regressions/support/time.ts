import { type Clock, systemClock } from "../../../src/core/clock.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";

/** How a scenario lets time pass: at once where every part obeys one fake clock, truly where a server has its own. */
export interface Time {
  readonly clock: Clock;
  pass(ms: number): Promise<void>;
  /** Lets time pass in small steps until the condition holds; `false`: it did not within `withinMs`. */
  until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean>;
  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T>;
}

const STEP_MS = { fake: 100, real: 20 } as const;

export function fakeTime(): Time {
  const clock = fakeClock();
  return {
    clock,
    pass: (ms) => clock.advance(ms),
    until: (condition, withinMs) => steps(clock, () => clock.advance(STEP_MS.fake), condition, withinMs),
    run: (promise) => clock.runUntil(promise),
  };
}

export function realTime(): Time {
  const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    clock: systemClock,
    pass,
    until: (condition, withinMs) => steps(systemClock, () => pass(STEP_MS.real), condition, withinMs),
    run: (promise) => promise,
  };
}

async function steps(
  clock: Clock,
  step: () => Promise<void>,
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
): Promise<boolean> {
  const giveUpAt = clock.now() + withinMs;
  while (clock.now() < giveUpAt) {
    if (await condition()) return true;
    await step();
  }
  return condition();
}

/** The clock of one process, which can stand still: what was due meanwhile comes when it goes on, as in a blocked event loop. */
export class ProcessClock implements Clock {
  readonly #inner: Clock;
  #frozen = false;
  #backlog: (() => void)[] = [];

  constructor(inner: Clock) {
    this.#inner = inner;
  }

  /** Whole, as a machine's: timers may stand between two milliseconds. */
  now(): number {
    return Math.floor(this.#inner.now());
  }

  timer(ms: number, fn: () => void, hold?: boolean): () => void {
    let cancelled = false;
    const cancel = this.#inner.timer(
      ms,
      () => {
        this.#run(() => {
          if (!cancelled) fn();
        });
      },
      hold,
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  defer(fn: () => void): void {
    this.#inner.defer(() => {
      this.#run(fn);
    });
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const fn of backlog) fn();
  }

  #run(fn: () => void): void {
    if (this.#frozen) this.#backlog.push(fn);
    else fn();
  }
}
