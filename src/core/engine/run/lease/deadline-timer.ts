import type { Clock } from "../../../environment/clock.js";

/** Something that is due at an instant. */
export interface Due {
  /** By the time of the deadlineTimer. */
  readonly dueAt: number;
  ring(): void;
}

/** Instants of one worker's jobs on one timer: a timer for each job is dearer than what most of them do. */
export interface DeadlineTimer {
  /** Rings once, at `dueAt`. Set again after `dueAt` has moved, it rings at the new instant. */
  set(due: Due): void;
  clear(due: Due): void;
}

/** @param now - the time that instants are told in; it may run ahead of the clock, never behind */
export function createDeadlineTimer(clock: Clock, now: () => number): DeadlineTimer {
  const waiting = new Set<Due>();
  let armedFor = Number.POSITIVE_INFINITY;
  let cancel: () => void = () => undefined;

  const arm = (at: number): void => {
    cancel();
    armedFor = at;
    cancel = clock.timer(at - now(), ring);
  };

  const ring = (): void => {
    armedFor = Number.POSITIVE_INFINITY;
    const time = now();
    for (const due of [...waiting]) {
      // Those that ring may clear others.
      if (due.dueAt <= time && waiting.delete(due)) due.ring();
    }
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt } of waiting) next = Math.min(next, dueAt);
    if (next < armedFor) arm(next);
  };

  return {
    set(due) {
      waiting.add(due);
      if (due.dueAt < armedFor) arm(due.dueAt);
    },
    clear(due) {
      if (!waiting.delete(due) || waiting.size > 0) return;
      cancel();
      armedFor = Number.POSITIVE_INFINITY;
    },
  };
}
