import { systemClock, type Clock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { checkOptions, checkWhole } from "../../core/options/options.js";
import type { Feed, FeedHint } from "../../core/ports/feed.js";
import { checkFaults } from "./fault-rates.js";

/** How a memory feed fails. Loss and doubling are drawn for each hint and each subscriber. */
export interface MemoryFeedFaults {
  /** Probability that a hint does not reach a subscriber. */
  readonly loss: number;
  /** Probability that a hint reaches a subscriber twice. */
  readonly duplicate: number;
  /** How long each hint is under way. */
  readonly delayMs: number;
}

/** What `memoryFeed` takes. Without faults every hint reaches every subscriber once, after `publish` has returned. */
export interface MemoryFeedOptions {
  /** @default the system clock */
  readonly clock?: Clock | undefined;
  /** Uniform in [0, 1); decides about faults. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** @default none */
  readonly faults?: Partial<MemoryFeedFaults> | undefined;
}

/** A feed among the parts of one process. */
export interface MemoryFeed extends Feed {
  /** Another end of the same feed, as a second process would have one. Closing one leaves the other. */
  second(): MemoryFeed;
  /**
   * Changes the faults that are named, for every end.
   *
   * @throws {WaybillError} `config.invalid`: no such fault, or no number from 0 to 1, or of milliseconds
   */
  setFaults(faults: Partial<MemoryFeedFaults>): void;
  /** Who listens, at every end. */
  subscribers(): number;
}

/** Makes a feed for single processes and tests. */
export function memoryFeed(options: MemoryFeedOptions = {}): MemoryFeed {
  checkOptions("memoryFeed", options, ["clock", "random", "faults"]);
  if (options.faults !== undefined) checkFeedFaults(options.faults);
  return new InMemoryFeed(new Hub(options));
}

function checkFeedFaults(faults: Partial<MemoryFeedFaults>): void {
  checkFaults(faults, ["loss", "duplicate"], ["delayMs"]);
  checkWhole("delayMs of faults", faults.delayMs);
}

type Listener = (hint: FeedHint) => void;

interface Subscription {
  readonly listener: Listener;
}

const NO_FAULTS: MemoryFeedFaults = { loss: 0, duplicate: 0, delayMs: 0 };

/** What all ends share. */
class Hub {
  readonly subscriptions = new Set<Subscription>();
  faults: MemoryFeedFaults;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(options: MemoryFeedOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.faults = { ...NO_FAULTS, ...options.faults };
  }

  publish(hints: readonly FeedHint[]): void {
    if (hints.length === 0 || this.subscriptions.size === 0) return;
    // Decided now: who subscribes while a hint is under way may miss it, as in any broker.
    const deliveries = [...this.subscriptions].flatMap((subscription) =>
      hints.flatMap((hint) => Array.from({ length: this.#copies() }, () => ({ subscription, hint }))),
    );
    const deliver = (): void => {
      for (const { subscription, hint } of deliveries) this.#deliver(subscription, hint);
    };
    // Never within `publish`: a listener must not run in the middle of what the publisher does.
    if (this.faults.delayMs > 0) this.#clock.timer(this.faults.delayMs, deliver);
    else this.#clock.defer(deliver);
  }

  #copies(): number {
    const { loss, duplicate } = this.faults;
    if (loss > 0 && this.#random() < loss) return 0;
    return duplicate > 0 && this.#random() < duplicate ? 2 : 1;
  }

  #deliver(subscription: Subscription, hint: FeedHint): void {
    if (!this.subscriptions.has(subscription)) return;
    try {
      subscription.listener(hint);
    } catch {
      // A listener's error is its own affair: the others, and the publisher, must not suffer from it.
    }
  }
}

class InMemoryFeed implements MemoryFeed {
  readonly #hub: Hub;
  readonly #own = new Set<Subscription>();
  #closed = false;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    this.#hub.publish(hints);
  }

  async subscribe(listener: Listener): Promise<() => Promise<void>> {
    this.#checkOpen();
    const subscription: Subscription = { listener };
    this.#own.add(subscription);
    this.#hub.subscriptions.add(subscription);
    return async () => {
      this.#remove(subscription);
    };
  }

  second(): MemoryFeed {
    return new InMemoryFeed(this.#hub);
  }

  setFaults(faults: Partial<MemoryFeedFaults>): void {
    checkFeedFaults(faults);
    this.#hub.faults = { ...this.#hub.faults, ...faults };
  }

  subscribers(): number {
    return this.#hub.subscriptions.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#own) this.#remove(subscription);
  }

  #remove(subscription: Subscription): void {
    this.#own.delete(subscription);
    this.#hub.subscriptions.delete(subscription);
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "This end of the memory feed is closed.");
  }
}
