/** A hint that a job changed. Hints may be lost, doubled or late: the store is the truth. */
export interface FeedHint {
  readonly id: string;
  readonly kind: string;
  readonly version: number;
  readonly owner: string | null;
  readonly subject: string | null;
  /** From when on the job waits in the store for a worker, Unix milliseconds; absent or `null`: it does not. */
  readonly readyAt?: number | null;
  /** When somebody must look at the record next, Unix milliseconds; absent or `null`: not known, or never. */
  readonly wakeAt?: number | null;
}

/** What a subscriber may want to hear beside hints. */
export interface FeedSubscription {
  /**
   * The link was lost and is back: hints in between did not arrive. Called once the feed listens again, any number of
   * times; a feed whose link cannot be lost never calls it.
   */
  readonly onGap?: (() => void) | undefined;
}

/**
 * Change hints between processes, for watchers and live gateways.
 *
 * `publish` is fire and forget as far as correctness goes: it resolves when handed over, and rejects only where the link is
 * lost or this end is closed, which the core counts and otherwise ignores. It tells what was published and nothing else:
 * a hint of a job, an owner or a version that nobody published is a leak. A subscriber hears its own process's hints too or not: both are fine. A listener that
 * throws hurts neither the others nor the publisher, and one may publish, subscribe and unsubscribe while it is called;
 * unsubscribing twice, or after `close`, is safe. Closing one end leaves every other, and no
 * call of a closed end is left without an end of its own. What is published reaches the subscribers of every end.
 */
export interface Feed {
  publish(hints: readonly FeedHint[]): Promise<void>;
  /** Resolves when attached: hints published afterwards arrive, as long as the link holds. Returns how to stop: the
   * listener hears nothing that is published once that has resolved. */
  subscribe(listener: (hint: FeedHint) => void, options?: FeedSubscription): Promise<() => Promise<void>>;
  /** Frees what the feed made itself. Safe to call twice. */
  close(): Promise<void>;
}

/** Declares a feed. */
export function defineFeed(feed: Feed): Feed {
  return feed;
}
