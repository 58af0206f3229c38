import type { Clock } from "../../environment/clock.js";
import { onAbort } from "../../live/on-abort.js";
import type { AbortListening } from "../run/abort-signal.js";

/** Room for jobs in hand, shared by every source of work. */
export interface Slots {
  /** Waits for room, first come first served, and takes up to `most` of it; 0 when the signal aborts. */
  reserve(most: number, signal: AbortListening): Promise<number>;
  /** Takes, without waiting, what has come free besides; 0 while somebody waits for it. */
  extra(most: number): number;
  give(count: number): void;
  /**
   * Takes, without waiting, up to `most` of what is free and of what jobs whose outcome is being written will leave: for
   * a claim that travels with those outcomes.
   *
   * @param travelling - how many outcomes leave with this very write: those behind them free nothing by it
   * @param waiting - how many of those who wait for room are the caller's own; 0 while somebody else does
   */
  borrow(most: number, travelling: number, waiting: number): number;
  /** An outcome is about to be written: its slot will be free. */
  settling(): void;
  /** An outcome is no longer being written: its slot is about to be given, or will not be. */
  settled(): void;
  /** Outcomes that are being written. */
  leaving(): number;
  /** Never negative, whatever has been borrowed. */
  free(): number;
  /** Nothing is granted until `resume`. */
  pause(): void;
  resume(): void;
}

interface Waiter {
  readonly most: number;
  readonly grant: (count: number) => void;
}

export function createSlots(capacity: number): Slots {
  const waiting: Waiter[] = [];
  let used = 0;
  let leaving = 0;
  let paused = false;

  const free = (): number => (paused ? 0 : Math.max(0, capacity - used));

  const taken = (count: number): number => {
    used += count;
    return count;
  };

  const pump = (): void => {
    while (free() > 0) {
      const next = waiting.shift();
      if (next === undefined) return;
      // Those who wait behind get their share.
      const count = Math.min(next.most, Math.ceil(free() / (waiting.length + 1)));
      used += count;
      next.grant(count);
    }
  };

  return {
    free,
    reserve(most, signal) {
      if (signal.aborted || most <= 0) return Promise.resolve(0);
      // Room, and nobody before: nothing to wait for, and nobody to listen to.
      if (waiting.length === 0 && free() > 0) return Promise.resolve(taken(Math.min(most, free())));
      const granted = inLine(waiting, most, signal);
      pump();
      return granted;
    },
    extra(most) {
      if (waiting.length > 0) return 0;
      return taken(Math.min(most, free()));
    },
    give(count) {
      used -= count;
      pump();
    },
    borrow(most, travelling, own) {
      if (paused || waiting.length > own) return 0;
      return taken(Math.min(most, Math.max(0, capacity + Math.min(leaving, travelling) - used)));
    },
    leaving: () => leaving,
    settling() {
      leaving += 1;
    },
    settled() {
      leaving -= 1;
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      pump();
    },
  };
}

/** Waits in line for room; 0 when the signal aborts. */
function inLine(waiting: Waiter[], most: number, signal: AbortListening): Promise<number> {
  return new Promise((resolve) => {
    const grant = (count: number): void => {
      deaf();
      resolve(count);
    };
    const waiter: Waiter = { most, grant };
    const leave = (): void => {
      waiting.splice(waiting.indexOf(waiter), 1);
      resolve(0);
    };
    const deaf = onAbort(signal, leave);
    waiting.push(waiter);
  });
}

/** Waits for room and takes, in one turn, all that comes free in it: jobs that end together are replaced together. */
export async function roomFor(
  slots: Slots,
  clock: Clock,
  most: number,
  signal: AbortListening,
): Promise<number> {
  const room = await slots.reserve(most, signal);
  if (room === 0 || room >= most) return room;
  await new Promise<void>((resolve) => {
    clock.defer(resolve);
  });
  return room + slots.extra(most - room);
}

/** Bounds the handlers that run at once, whatever has been claimed ahead. */
export interface Gate {
  /** Whether it is one's turn already: there is room, and nobody was first. Takes the place then. */
  enterNow(): boolean;
  /** Resolves `true` when it is one's turn, `false` when the signal aborts first. */
  enter(signal: AbortListening): Promise<boolean>;
  leave(): void;
}

export function createGate(concurrency: number): Gate {
  const places = createSlots(concurrency);
  return {
    enterNow: () => places.extra(1) === 1,
    enter: (signal) =>
      places.reserve(1, signal).then((taken) => {
        if (taken === 0) return false;
        // Aborted in the very turn in which the place came free.
        if (!signal.aborted) return true;
        places.give(1);
        return false;
      }),
    leave() {
      places.give(1);
    },
  };
}
