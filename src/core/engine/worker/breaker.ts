import { sleep, monotonicNow } from "../../environment/clock.js";
import { backoffMs } from "../../decide/backoff.js";
import type { Core } from "../context.js";

/** What is known of the store's health: while it is down nobody fetches work that could not be claimed. */
export interface Breaker {
  ok(): void;
  failed(): void;
  isOpen(): boolean;
  /** Waits out the current pause, without asking the store. */
  pause(signal: AbortSignal): Promise<void>;
  /** Waits until the store has answered: a message that is received before that burns a receive for nothing. */
  closed(signal: AbortSignal): Promise<void>;
}

/** Short at first, since most outages are a failover of seconds; then seldom enough to let a store recover. */
const PAUSE = { baseMs: 500, capMs: 15_000 };
const SHORTEST_PAUSE_MS = 100;
/** A read of no job: the cheapest strong answer that every store can give. */
const NO_JOB = "waybill-probe";

export function createBreaker(core: Core): Breaker {
  let failures = 0;
  let openUntil: number | null = null;
  let probing: Promise<void> | null = null;

  const isOpen = (): boolean => openUntil !== null;
  const ok = (): void => {
    failures = 0;
    openUntil = null;
  };
  const failed = (): void => {
    // Calls that were under way together are one failure.
    if (openUntil !== null && monotonicNow(core.clock) < openUntil) return;
    failures += 1;
    openUntil = monotonicNow(core.clock) + SHORTEST_PAUSE_MS + backoffMs(failures, PAUSE, core.ids.random());
  };
  const pause = async (signal: AbortSignal): Promise<void> => {
    if (openUntil !== null) await sleep(core.clock, openUntil - monotonicNow(core.clock), signal, true);
  };
  const probe = async (): Promise<void> => {
    try {
      await core.gateway.read(NO_JOB);
      ok();
    } catch {
      failed();
    } finally {
      probing = null;
    }
  };

  return {
    ok,
    failed,
    isOpen,
    pause,
    async closed(signal) {
      const stopped = (): boolean => signal.aborted;
      while (isOpen() && !stopped()) {
        await pause(signal);
        // Another source of work may have found the store well.
        if (isOpen() && !stopped()) await (probing ??= probe());
      }
    },
  };
}
