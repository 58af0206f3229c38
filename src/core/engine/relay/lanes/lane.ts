import type { Breaker } from "./breaker.js";
import type { RelayJob } from "../job.js";

/** Calls of one lane at once: one that hangs leaves room for another, and no lane takes all that a notifier has. */
const CALLS = 2;

/** The jobs in line whose next event goes to one receiver. */
export class Lane {
  readonly key: string;
  readonly breaker: Breaker;
  readonly line = new Set<RelayJob>();
  /** Calls that the notifier has not let go of, those included whose time is over. */
  open = 0;
  /** Of these, those whose time is over. */
  stuck = 0;
  /** How to forget the timer that ends a pause. */
  wake: (() => void) | null = null;

  constructor(key: string, breaker: Breaker) {
    this.key = key;
    this.breaker = breaker;
  }

  /** Nothing can start before the notifier lets go of what it ignored. */
  get isStuck(): boolean {
    return this.stuck >= CALLS;
  }

  get hasRoom(): boolean {
    return this.open < CALLS;
  }
}
