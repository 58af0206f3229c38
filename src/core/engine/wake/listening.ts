import { type Clock, monotonicNow } from "../../environment/clock.js";
import type { FeedHint } from "../../ports/feed.js";
import type { HintAttachment, Hints } from "../read/watch.js";

interface ListeningOptions {
  readonly hints: Hints;
  readonly clock: Clock;
  readonly hear: (hint: FeedHint) => void;
  /** What was said before may have been missed: it listens from now on, or does so again. */
  readonly missed: () => void;
  /** How long the job runs that has run longest here, milliseconds. */
  readonly longestMs: () => number;
}

/** A worker's ear for what other processes do: open while it has time to listen. */
export interface Listening {
  /** @param isFull - all that was asked for came: there is more to do than to hear */
  answered(jobs: number, isFull: boolean): void;
  /** It takes nothing from the store: it listens from now on. */
  open(): void;
  /** Whether other processes' changes would be heard. */
  isTold(): boolean;
  stop(): void;
}

/** So many full answers, or jobs of full answers, in such a time: the worker need not be told that there is work. */
const BUSY_ANSWERS = 20;
const BUSY_JOBS = 1_000;
const BUSY_WITHIN_MS = 2_000;
/** So many jobs in such a time, whatever was asked for: it asks so often that it finds work before it would be told. */
const RUSH_JOBS = 500;
const RUSH_WITHIN_MS = 500;
/** A job that runs longer may be cancelled before it ends: it must be heard of, however busy the worker is with others. */
const LONG_MS = 1_000;
/** A rush ends with so many empty answers, one after the other. */
const DRY_ANSWERS = 3;

/**
 * Hears all changes made in this process, and those of others while the worker is not busy: who has more work than hands, or
 * jobs that come faster than one would read of them, reads no hints.
 */
export function createListening({ hints, clock, hear, missed, longestMs }: ListeningOptions): Listening {
  const deaf = hints.bus.onEveryHint(hear);
  const isRush = createRush(clock);
  const isFlooded = createFlood(clock);
  let link: HintAttachment | null = null;
  let stopped = false;
  let stopLooking: () => void = () => undefined;

  const attach = (): void => {
    if (link !== null || stopped) return;
    stopLooking();
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
    stopLooking();
  };
  // Who is full of long jobs asks for no more: there may be no next answer to look at.
  const look = (): void => {
    if (longestMs() >= LONG_MS) attach();
    else stopLooking = clock.timer(LONG_MS, look);
  };

  // It may begin with more than it can do.
  look();
  return {
    answered(jobs, isFull) {
      const rushes = isRush(jobs);
      const isBusy = isFlooded(jobs, isFull) ?? (isFull ? null : rushes);
      if (isBusy === null) return;
      if (!isBusy || longestMs() >= LONG_MS) {
        attach();
        return;
      }
      detach();
      look();
    },
    open: attach,
    isTold: () => link?.isUp() === true,
    stop() {
      stopped = true;
      deaf();
      detach();
    },
  };
}

/** Whether answers are full, one after the other, and soon after one another. `null`: too few were to tell. */
function createFlood(clock: Clock): (jobs: number, isFull: boolean) => boolean | null {
  let answers = 0;
  let taken = 0;
  let since = 0;
  return (jobs, isFull) => {
    if (!isFull) {
      answers = 0;
      return null;
    }
    const now = monotonicNow(clock);
    if (answers === 0) {
      since = now;
      taken = 0;
    }
    answers += 1;
    taken += jobs;
    if (answers < BUSY_ANSWERS && taken < BUSY_JOBS) return null;
    answers = 0;
    // Long jobs fill a worker too.
    return now - since < BUSY_WITHIN_MS;
  };
}

/** Whether jobs come in a rush; told of the jobs of each answer. It lasts for a while after it was seen. */
function createRush(clock: Clock): (jobs: number) => boolean {
  let since = monotonicNow(clock);
  let taken = 0;
  let dry = 0;
  let lastsUntil = Number.NEGATIVE_INFINITY;
  return (jobs) => {
    const now = monotonicNow(clock);
    if (now - since >= RUSH_WITHIN_MS) {
      since = now;
      taken = 0;
    }
    taken += jobs;
    dry = jobs === 0 ? dry + 1 : 0;
    if (taken >= RUSH_JOBS) lastsUntil = now + RUSH_WITHIN_MS;
    if (dry >= DRY_ANSWERS) lastsUntil = now;
    return now < lastsUntil;
  };
}
