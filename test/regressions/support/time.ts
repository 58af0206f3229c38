import { type Clock, systemClock } from "../../../src/core/environment/clock.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";

/** How a scenario lets time pass: at once where every part obeys one fake clock, as soon as it has answered where a server is told
 * the time, truly where processes and servers are killed. */
export interface Time {
  readonly clock: Clock;
  pass(ms: number): Promise<void>;
  /** Lets time pass in small steps until the condition holds; `false`: it did not within `withinMs`. */
  until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean>;
  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T>;
}

/** A server is asked at each step. */
const STEP_MS = { fake: 100, waiting: 500, real: 20 } as const;

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

/** Time that stands still while a server answers, and the way to tell it of a call that it has to wait for. */
interface WaitingTime extends Time {
  awaited<T>(call: Promise<T>): Promise<T>;
}

/**
 * A fake clock beside a real server. No call takes time, however long the server takes, so that leases run out when the
 * story says so and not when the machine is busy.
 */
export function waitingTime(): WaitingTime {
  const clock = fakeClock();
  const open = new Set<Promise<unknown>>();
  /** Until nothing happens any more without time passing. */
  const rest = async (): Promise<void> => {
    await clock.settle();
    while (open.size > 0) {
      await Promise.all(open);
      await clock.settle();
    }
  };
  /** Timer by timer up to an instant: what one of them asks of the server is answered before the next. */
  const moveTo = async (target: number, enough: () => boolean = () => false): Promise<void> => {
    await rest();
    for (let next = clock.nextTimerAt(); next !== null && next <= target && !enough();) {
      await clock.advance(Math.max(0, next - clock.now()));
      await rest();
      next = clock.nextTimerAt();
    }
    if (!enough()) await clock.advance(Math.max(0, target - clock.now()));
  };
  const pass = (ms: number): Promise<void> => moveTo(clock.now() + ms);
  return {
    clock,
    pass,
    until: (condition, withinMs) => steps(clock, () => pass(STEP_MS.waiting), condition, withinMs),
    async run(promise) {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      promise.then(mark, mark);
      const isSettled = (): boolean => settled;
      await rest();
      while (!isSettled()) {
        const next = clock.nextTimerAt();
        if (next === null) throw new Error("The promise waits for nothing that this clock knows of.");
        await moveTo(next, isSettled);
      }
      return promise;
    },
    awaited(call) {
      const settled: Promise<unknown> = call.catch(() => undefined).finally(() => open.delete(settled));
      open.add(settled);
      return call;
    },
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
