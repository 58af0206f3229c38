import { onAbort } from "../../live/on-abort.js";
import type { Clock } from "../../environment/clock.js";

/** A nap that a kick ends early; a kick while nobody naps ends the next one. */
export interface Idle {
  nap(ms: number, signal: AbortSignal): Promise<void>;
  kick(): void;
}

export function createIdle(clock: Clock): Idle {
  let kicked = false;
  let wake: () => void = () => undefined;
  return {
    nap: (ms, signal) =>
      new Promise((resolve) => {
        if (kicked || signal.aborted) {
          kicked = false;
          resolve();
          return;
        }
        const end = (): void => {
          kicked = false;
          cancel();
          deaf();
          wake = () => undefined;
          resolve();
        };
        // Held: a running worker keeps its process alive.
        const cancel = clock.timer(ms, end, true);
        const deaf = onAbort(signal, end);
        wake = end;
      }),
    kick() {
      kicked = true;
      wake();
    },
  };
}
