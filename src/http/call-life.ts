import type { Principal } from "../core/view/access.js";
import type { Clock } from "../core/environment/clock.js";
import { onAbort } from "../core/live/on-abort.js";

/** How long something that stays open may stay open. */
export interface CallLife {
  /** Aborts when the caller has gone, or their credential has ended. */
  readonly signal: AbortSignal;
  /** It is over by itself. Safe to call twice. */
  end(): void;
}

/** The life of a wait or a stream: nobody is told anything by a credential that has ended meanwhile. */
export function callLife(clock: Clock, request: Request, { expiresAt }: Principal): CallLife {
  const stop = new AbortController();
  let cancelTimer: () => void = () => undefined;
  const abort = (): void => {
    stop.abort();
  };
  const arm = (at: number): void => {
    const leftMs = at - clock.now();
    // A timer may be shorter than what was asked of it: it looks again.
    if (leftMs <= 0) abort();
    else
      cancelTimer = clock.timer(leftMs, () => {
        arm(at);
      });
  };
  const deaf = onAbort(request.signal, abort);
  if (request.signal.aborted) abort();
  if (expiresAt !== undefined) arm(expiresAt.getTime());
  return {
    signal: stop.signal,
    end() {
      cancelTimer();
      deaf();
    },
  };
}
