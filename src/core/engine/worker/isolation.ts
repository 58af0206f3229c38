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
   * Takes no new work and waits until the caller's is the only claim in hand, at most one lease: a handler that never settles
   * must not stop a worker. For the same reason new work is taken again after ten leases. One at a time.
   *
   * @returns how to leave; `null` at once where another is in isolation already. Also when the signal aborted meanwhile
   */
  enter(leaseMs: number, signal: AbortListening): Promise<(() => void) | null>;
}

/** What ends its process has done so by then, as a rule; what hangs, or takes hours, must not keep others from its worker. */
const LONGEST_LEASES = 10;

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
    async enter(leaseMs, signal) {
      if (taken) return null;
      taken = true;
      slots.pause();
      if (inHand > 1 && !signal.aborted) await othersEnd(leaseMs, signal);
      let isIn = true;
      const leave = (): void => {
        if (!isIn) return;
        isIn = taken = false;
        cancel();
        slots.resume();
      };
      const cancel = clock.timer(LONGEST_LEASES * leaseMs, leave);
      return leave;
    },
  };
}
