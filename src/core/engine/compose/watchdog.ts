import { monotonicNow } from "../../clock.js";
import { isWaybillError } from "../../errors.js";
import type { Core } from "../context.js";

/** All promises hang on a reconciler: nobody running one is an alarm, not a silence. */
export interface Watchdog {
  /** A job was submitted. Looks, now and then, whether anybody reconciles; never throws and never waits. */
  submitted(): void;
}

/** Long enough that a deploy does not trip it, short enough that somebody is still at the updateWriter. */
const SILENCE_MS = 5 * 60_000;

export function createWatchdog(core: Core): Watchdog {
  let nextLookAt: number | null = null;
  let warned = false;

  const look = async (): Promise<void> => {
    try {
      const { lastPulseAt, nowMs } = await core.gateway.call("health", (store, request) =>
        store.health(request),
      );
      if (lastPulseAt !== null && nowMs - lastPulseAt < SILENCE_MS) return;
      warned = true;
      core.logger.warn(
        "no reconciler was seen for 5 minutes: jobs of crashed workers and unsent messages stay as they are; run a worker, or call reconcile() on a schedule",
        { lastPulseAt: lastPulseAt === null ? null : new Date(lastPulseAt).toISOString() },
      );
    } catch (error) {
      core.logger.debug("whether a reconciler runs could not be read", {
        code: isWaybillError(error) ? error.code : "unexpected",
      });
    }
  };

  return {
    submitted() {
      const now = monotonicNow(core.clock);
      nextLookAt ??= now + SILENCE_MS;
      if (warned || now < nextLookAt) return;
      nextLookAt = now + SILENCE_MS;
      void look();
    },
  };
}
