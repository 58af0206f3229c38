import { onAbort } from "../live/on-abort.js";
import type { InContext } from "./neutral-context.js";

/** The only source of time and timers in the core; a test passes its own. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /**
   * Milliseconds since any instant, which pass evenly: whoever sets the machine's clock does not move them. What is measured
   * inside the process goes by it. Left out, steps of `now` are taken for time that passed.
   */
  monotonic?(): number;
  /** Runs `fn` once after `ms`; returns how to cancel. A timer does not keep the process alive unless `hold` is set. */
  timer(ms: number, fn: () => void, hold?: boolean): () => void;
  /** Runs `fn` when the current work is done, before any timer: where concurrent calls meet in one batch. */
  defer(fn: () => void): void;
}

/** What durations inside the process are measured by. */
export function monotonicNow(clock: Clock): number {
  return clock.monotonic?.() ?? clock.now();
}

/** Timers refuse more than 2^31-1 ms and would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fn, hold = false) {
    const handle = setTimeout(fn, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    // Browsers give a number, and others an object of their own: nothing to unref there.
    if (!hold && typeof handle === "object") (handle as { unref?(): unknown }).unref?.();
    return () => {
      clearTimeout(handle);
    };
  },
  defer(fn) {
    if (typeof setImmediate === "function") setImmediate(fn);
    else setTimeout(fn, 0);
  },
};

/** A clock whose callbacks run in a context that is nobody's, whoever asked for them. */
export function inContext(clock: Clock, neutral: InContext): Clock {
  const moved =
    (fn: () => void): (() => void) =>
    () => {
      neutral(fn);
    };
  return {
    now: () => clock.now(),
    monotonic: () => monotonicNow(clock),
    timer: (ms, fn, hold) => clock.timer(ms, moved(fn), hold),
    defer: (fn) => {
      clock.defer(moved(fn));
    },
  };
}

/** A timer that fires so much too late tells of a process that was busy itself, and heard nothing meanwhile. */
const BUSY_MS = 1_000;

/**
 * What `work` comes to, or `late` after `ms`: work that nobody can end is left behind, and its error with it. A process that
 * was too busy to listen has a second more to hear what came meanwhile.
 *
 * @param hold - whether the wait keeps the process alive
 */
export function inTime<T>(clock: Clock, ms: number, work: Promise<T>, late: T, hold = true): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel: () => void;
    const wait = (leftMs: number): void => {
      const dueAt = monotonicNow(clock) + leftMs;
      const end = (): void => {
        if (monotonicNow(clock) - dueAt > BUSY_MS) wait(BUSY_MS);
        else resolve(late);
      };
      cancel = clock.timer(leftMs, end, hold);
    };
    wait(ms);
    work
      .finally(() => {
        cancel();
      })
      .then(resolve, reject);
  });
}

/** Waits on a clock; resolves early (never rejects) when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal, hold = false): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      deaf();
      resolve();
    };
    const cancel = clock.timer(ms, done, hold);
    const deaf = onAbort(signal, done);
  });
}
