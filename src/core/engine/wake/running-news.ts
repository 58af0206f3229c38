import type { Clock } from "../../environment/clock.js";
import type { FeedHint } from "../../ports/feed.js";
import type { HeartbeatTimer } from "../run/lease/heartbeat-timer.js";

export interface RunningNews {
  hear(hint: FeedHint): void;
  /** What was said may have been missed: those that run now are looked after if they still do in a second. */
  missed(): void;
  /** How long the job runs that has run longest, milliseconds; 0: none does. */
  longestMs(): number;
  stop(): void;
}

/** Most jobs end by then, and need not be asked about. */
const LONG_MS = 1_000;
/** The answer of a worker's own write is here by then: what is still news is somebody else's. */
const OWN_WITHIN_MS = 100;

/**
 * News of jobs that run here and that somebody else changed: a request to cancel, or a claim that is over. A beat at once
 * brings what the next one would have brought; one look for all that come together.
 */
export function createRunningNews(clock: Clock, running: HeartbeatTimer): RunningNews {
  const versions = new Map<string, number>();
  let cancel: () => void = () => undefined;
  let cancelMissed: (() => void) | null = null;
  let missedAgain = false;
  const lookAfter = (): void => {
    cancelMissed = clock.timer(LONG_MS, () => {
      running.olderThan(LONG_MS);
      cancelMissed = null;
      if (missedAgain) lookAfter();
      missedAgain = false;
    });
  };
  const look = (): void => {
    for (const [id, version] of versions) running.news(id, version);
    versions.clear();
  };
  return {
    hear({ id, version }) {
      if (!running.isNews(id, version)) return;
      if (versions.size === 0) cancel = clock.timer(OWN_WITHIN_MS, look);
      versions.set(id, version);
    },
    missed() {
      if (cancelMissed === null) lookAfter();
      else missedAgain = true;
    },
    longestMs: () => running.longestMs(),
    stop() {
      cancel();
      cancelMissed?.();
    },
  };
}
