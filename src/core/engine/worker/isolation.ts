import type { Clock } from "../../environment/clock.js";
import type { AbortListening } from "../run/abort-signal.js";
import type { Slots } from "./slots.js";

/** Lets a job that may be what ends its process run with nothing beside it that it could take along. */
export interface Isolation {
  /** A claim is in hand. */
  held(): void;
  /** It is not any more. */
  dropped(): void;
  /**
   * Takes no new work and waits until the caller's is the only claim in hand, at most `waitMs`: a handler that never settles
   * must not stop a worker. One at a time.
   *
   * @returns `false` at once where another is in isolation already; `true` also when the signal aborted meanwhile
   */
  enter(waitMs: number, signal: AbortListening): Promise<boolean>;
  leave(): void;
}

export function createIsolation(slots: Slots, clock: Clock): Isolation {
  let inHand = 0;
  let taken = false;
  let quiet: (() => void) | null = null;

  const othersEnd = (waitMs: number, signal: AbortListening): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        quiet = null;
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.timer(waitMs, end, true);
      signal.addEventListener("abort", end, { once: true });
      quiet = end;
    });

  return {
    held() {
      inHand += 1;
    },
    dropped() {
      inHand -= 1;
      if (inHand <= 1) quiet?.();
    },
    async enter(waitMs, signal) {
      if (taken) return false;
      taken = true;
      slots.pause();
      if (inHand > 1 && !signal.aborted) await othersEnd(waitMs, signal);
      return true;
    },
    leave() {
      taken = false;
      slots.resume();
    },
  };
}
