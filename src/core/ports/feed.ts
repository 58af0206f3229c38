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
 * `publish` is fire and forget as far as correctness goes; it resolves when handed over and may reject, which the core
 * counts and otherwise ignores. A subscriber hears its own process's hints too or not: both are fine. A listener that
 * throws hurts neither the others nor the publisher; unsubscribing twice, or after `close`, is safe.
 */
export interface Feed {
  publish(hints: readonly FeedHint[]): Promise<void>;
  /** Resolves when attached: hints published afterwards arrive, as long as the link holds. Returns how to stop. */
  subscribe(listener: (hint: FeedHint) => void, options?: FeedSubscription): Promise<() => Promise<void>>;
  /** Frees what the feed made itself. Safe to call twice. */
  close(): Promise<void>;
}

/** Declares a feed. */
export function defineFeed(feed: Feed): Feed {
  return feed;
}
