import type { Clock } from "../../environment/clock.js";
import type { FeedHint } from "../../ports/feed.js";
import type { HintAttachment, Hints } from "../read/watch.js";

interface ListeningOptions {
  readonly hints: Hints;
  readonly clock: Clock;
  readonly hear: (hint: FeedHint) => void;
  /** What was said before may have been missed: it listens from now on, or does so again. */
  readonly missed: () => void;
}

/** A worker's ear for what other processes do: open while it has time to listen. */
export interface Listening {
  /** Nothing was found: it wants to be told. */
  idle(): void;
  /** All that was asked for came, so many jobs: there is more to do than to hear. */
  busy(jobs: number): void;
  /** Whether other processes' changes would be heard. */
  isTold(): boolean;
  stop(): void;
}

/** So many full answers, or jobs of full answers, in such a time: the worker need not be told that there is work. */
const BUSY_ANSWERS = 20;
const BUSY_JOBS = 1_000;
const BUSY_WITHIN_MS = 2_000;

/**
 * Hears all changes made in this process, and those of others while the worker is not busy: who has more work than hands
 * reads no hints about more of it.
 */
export function createListening({ hints, clock, hear, missed }: ListeningOptions): Listening {
  const deaf = hints.bus.onHint(null, hear);
  let link: HintAttachment | null = null;
  let full = 0;
  let fullSince = 0;
  let taken = 0;
  let stopped = false;

  const attach = (): void => {
    if (link !== null || stopped) return;
    const mine = hints.attach(() => undefined, missed);
    link = mine;
    void mine.attached.then(() => {
      // What came between the last look and this moment was told to nobody here.
      if (link === mine && mine.isUp()) missed();
    });
  };
  const detach = (): void => {
    link?.letGo();
    link = null;
  };

  return {
    idle() {
      full = 0;
      attach();
    },
    busy(jobs) {
      const now = clock.now();
      if (full === 0) {
        fullSince = now;
        taken = 0;
      }
      full += 1;
      taken += jobs;
      if (full < BUSY_ANSWERS && taken < BUSY_JOBS) return;
      full = 0;
      // Long jobs fill a worker too, and it must hear that one of them is to be cancelled.
      if (now - fullSince < BUSY_WITHIN_MS) detach();
      else attach();
    },
    isTold: () => link?.isUp() === true,
    stop() {
      stopped = true;
      deaf();
      detach();
    },
  };
}
