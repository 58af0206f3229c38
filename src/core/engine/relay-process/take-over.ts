import { monotonicNow } from "../../environment/clock.js";
import type { FeedHint } from "../../ports/feed.js";
import type { Core } from "../context.js";
import type { Relay } from "../relay/relay.js";
import { HintedJobs } from "./hinted-jobs.js";

/** Whoever made a change has told of it by then, unless it died or its receiver is slow. */
const PATIENCE_MS = 250;
/** Most jobs that are read in one look; what more is heard meanwhile is left to the reconciler. */
const MOST_WAITING = 100;
/** Of the grace: instants are known to a part of a round trip. */
const ABOUT = 1.05;

interface Untold {
  readonly version: number;
  /** When it is to be looked at, by `monotonicNow`. */
  readonly at: number;
}

/**
 * Publishes what another process changed and told nobody of: it died between the two. A hint says that something of a job is
 * to be delivered within the grace; if it is not by then, it is published from here, long before the wake-up of the record.
 *
 * Jobs are read together, at most four times a second and a hundred at once, whatever the load. A hint never says that
 * something was delivered, so what others delivered in time is read as well, and nothing comes of it. Every process that hears
 * waits a different time, so that one of them acts and the others see that it did; and none hurries those whose receivers
 * are as slow as its own.
 */
export class TakeOver {
  readonly #core: Core;
  readonly #relay: Relay;
  readonly #jobs: HintedJobs;
  readonly #waiting = new Map<string, Untold>();
  #lastLookAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;
  #closed = false;

  constructor(core: Core, relay: Relay) {
    this.#core = core;
    this.#relay = relay;
    this.#jobs = new HintedJobs(core, (snapshot) => {
      relay.kick(snapshot);
    });
  }

  hear({ id, version, wakeAt = null }: FeedHint): void {
    if (this.#closed || this.#core.notifiers.size === 0) return;
    const { clock, time, policy, ids } = this.#core;
    const inMs = wakeAt === null ? Number.POSITIVE_INFINITY : wakeAt - time.now();
    const mayWait = inMs <= policy.notifyGraceMs * ABOUT;
    if (!mayWait || this.#relay.knows(id, version)) {
      this.#waiting.delete(id);
      return;
    }
    if (this.#waiting.size >= MOST_WAITING && !this.#waiting.has(id)) return;
    const patienceMs = Math.min(policy.notifyGraceMs, Math.max(PATIENCE_MS, 2 * this.#relay.usualMs()));
    // The newest change counts, as it does for the grace: whoever made it is about to tell of it.
    this.#waiting.set(id, { version, at: monotonicNow(clock) + patienceMs * (1 + ids.random()) });
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#cancel?.();
  }

  #arm(): void {
    if (this.#cancel !== null || this.#waiting.size === 0) return;
    const now = monotonicNow(this.#core.clock);
    const first = Math.min(...[...this.#waiting.values()].map(({ at }) => at));
    const waitMs = Math.max(first, this.#lastLookAt + PATIENCE_MS) - now;
    this.#cancel = this.#core.clock.timer(Math.max(1, Math.ceil(waitMs)), () => {
      this.#cancel = null;
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const now = monotonicNow(this.#core.clock);
    this.#lastLookAt = now;
    for (const [id, { version, at }] of this.#waiting) {
      if (at > now) continue;
      this.#waiting.delete(id);
      if (!this.#relay.knows(id, version)) this.#jobs.hear(id);
    }
  }
}
