import { type Clock, monotonicNow } from "../environment/clock.js";

/** Jobs that this process met and could not serve: it lacks their handler, queue, notifier or definition. */
export interface Unserved {
  /** Seen now. */
  note(jobId: string): void;
  /** Somebody serves it after all. */
  served(jobId: string): void;
  /** How many were seen lately. Forgets those that were not. */
  count(): number;
}

/** Beyond it the number says enough. */
const MOST_REMEMBERED = 10_000;

/** @param forgetAfterMs - how long one that is not seen again counts */
export function createUnserved(clock: Clock, forgetAfterMs: number): Unserved {
  const seen = new Map<string, number>();
  return {
    note(jobId) {
      if (seen.size < MOST_REMEMBERED || seen.has(jobId)) seen.set(jobId, monotonicNow(clock));
    },
    served(jobId) {
      seen.delete(jobId);
    },
    count() {
      const since = monotonicNow(clock) - forgetAfterMs;
      for (const [id, at] of seen) if (at < since) seen.delete(id);
      return seen.size;
    },
  };
}
