import { type Clock, systemClock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { isError } from "../../core/errors/foreign.js";
import { requireOptions } from "../../core/options/options.js";
import { defineFeed, type Feed, type FeedHint, type FeedSubscription } from "../../core/ports/feed.js";
import { type Heartbeat, watchLink } from "../../core/wire/hints/heartbeat.js";
import { HintListeners } from "../../core/wire/hints/listeners.js";
import { encodeHints, HEARTBEAT } from "../../core/wire/hints.js";
import type { RedisClient, RedisCommands, RedisSubscriber } from "./client/client.js";
import { checkClient } from "./client/client-check.js";
import { watchClient } from "./client/client-end.js";

/** What `redisFeed` publishes and listens with. All feeds on one channel of one server, or one cluster, hear each other. */
export interface RedisFeedOptions {
  /** `Redis` of ioredis (also through Sentinel) or its `Cluster`. Whoever listens does so on a `duplicate()` of it. */
  readonly client: RedisClient;
  /** One channel is one feed. A Redis store has one of its own, named after its prefix. @default "waybill" */
  readonly channel?: string | undefined;
  /** @default the system clock */
  readonly clock?: Clock | undefined;
}

/** A subscriber that is slow is cut off by bytes. */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** A connection that nobody needs is kept for a moment: whoever listened may soon do so again. It is subscribed to nothing meanwhile. */
const LINGER_MS = 5_000;

/**
 * Change hints between processes over pub/sub, for any store. The connection that listens is made when somebody subscribes
 * first, connects again by itself, and then tells `onGap`; one that is half open is found within 45 s.
 *
 * @throws WaybillError `config.invalid`
 */
export function redisFeed(options: RedisFeedOptions): Feed {
  requireOptions("redisFeed", options, ["client", "channel", "clock"]);
  const { client, channel = "waybill", clock = systemClock } = options;
  checkClient("redisFeed", client);
  if (typeof channel !== "string" || channel === "")
    throw new WaybillError("config.invalid", "redisFeed: channel must be a name.");
  return defineFeed(new RedisFeed(client, channel, clock));
}

interface Link {
  readonly subscriber: RedisSubscriber & RedisCommands;
  /** `null`: it rests. */
  attached: Promise<unknown> | null;
}

class RedisFeed implements Feed {
  readonly #client: RedisClient;
  readonly #channel: string;
  readonly #clock: Clock;
  readonly #listeners = new HintListeners();
  #link: Link | null = null;
  #heartbeat: Heartbeat | null = null;
  #stopWatching: (() => void) | null = null;
  #cancelLinger: () => void = () => undefined;
  #closed = false;

  constructor(client: RedisClient, channel: string, clock: Clock) {
    this.#client = client;
    this.#channel = channel;
    this.#clock = clock;
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    for (const message of encodeHints(hints, MAX_MESSAGE_BYTES)) {
      try {
        await this.#client.publish(this.#channel, message);
      } catch (error) {
        throw unavailable("Redis did not take the hints of the feed.", error);
      }
    }
  }

  async subscribe(
    listener: (hint: FeedHint) => void,
    options: FeedSubscription = {},
  ): Promise<() => Promise<void>> {
    this.#checkOpen();
    this.#cancelLinger();
    const leave = this.#listeners.add(listener, options);
    const link = (this.#link ??= this.#connect());
    try {
      await (link.attached ??= this.#attach(link));
    } catch (error) {
      leave();
      if (this.#link === link) this.#detach();
      throw unavailable("Redis does not serve the feed.", error);
    }
    return async () => {
      leave();
      if (this.#listeners.size === 0 && this.#link !== null) this.#rest(this.#link);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    const link = this.#link;
    this.#detach();
    await link?.attached?.catch(() => undefined);
  }

  #connect(): Link {
    this.#stopWatching ??= watchClient(this.#client, {
      ended: () => {
        this.#stopBeating();
        this.#link?.subscriber.disconnect();
      },
      back: () => {
        if (this.#listeners.size > 0) this.#attachAnew();
        else this.#detach();
      },
    });
    const subscriber = this.#client.duplicate();
    subscribesNoMoreByItself(subscriber);
    const link: Link = { subscriber, attached: null };
    let lost = false;
    subscriber.on("error", () => undefined);
    subscriber.on("close", () => {
      lost = true;
    });
    // The driver connects again by itself.
    subscriber.on("ready", () => {
      if (!lost) return;
      lost = false;
      if (link.attached !== null) this.#tellGapAfter(subscriber.subscribe(this.#channel), subscriber);
    });
    // Nothing else is subscribed here: whatever prefix the client gives channels does not matter.
    subscriber.on("message", (_channel, message) => {
      if (this.#link?.subscriber !== subscriber) return;
      this.#heartbeat?.heard();
      this.#listeners.hear(message);
    });
    return link;
  }

  #attach({ subscriber }: Link): Promise<unknown> {
    this.#heartbeat ??= watchLink({
      clock: this.#clock,
      random: Math.random,
      beat: () => this.#client.publish(this.#channel, HEARTBEAT),
      broken: () => {
        this.#attachAnew();
      },
    });
    return subscribed(subscriber, this.#channel);
  }

  /** Nobody listens: scripts that find no subscriber put no hints together. */
  #rest(link: Link): void {
    link.attached = null;
    this.#stopBeating();
    link.subscriber.unsubscribe(this.#channel).catch(() => undefined);
    this.#cancelLinger();
    this.#cancelLinger = this.#clock.timer(LINGER_MS, () => {
      if (this.#listeners.size === 0) this.#detach();
    });
  }

  /** The link is half open, or was left with its client: another connection takes its place. */
  #attachAnew(): void {
    const link = this.#link;
    if (link === null) return;
    link.subscriber.disconnect();
    const anew = (this.#link = this.#connect());
    this.#tellGapAfter((anew.attached = this.#attach(anew)), anew.subscriber);
  }

  /** A failed try is repeated by the driver, or by the next silence. */
  #tellGapAfter(attached: Promise<unknown>, subscriber: RedisSubscriber): void {
    attached.then(
      () => {
        if (this.#link?.subscriber === subscriber) this.#listeners.gap();
      },
      () => undefined,
    );
  }

  #detach(): void {
    this.#cancelLinger();
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#stopBeating();
    this.#link?.subscriber.disconnect();
    this.#link = null;
  }

  #stopBeating(): void {
    this.#heartbeat?.stop();
    this.#heartbeat = null;
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The feed on Redis was closed.");
  }
}

/**
 * After a reconnect ioredis subscribes again without a word of when it is done, and nobody hears a refusal: of a connection that
 * is closed meanwhile it would be an unhandled rejection, which ends the process. A cluster minds its own subscriptions.
 */
function subscribesNoMoreByItself(subscriber: object): void {
  const { options } = subscriber as { readonly options?: { autoResubscribe?: boolean } };
  if (options?.autoResubscribe === true) options.autoResubscribe = false;
}

/** Subscribes; a client that queues nothing (`enableOfflineQueue: false`) refuses that before it is connected. */
async function subscribed(
  subscriber: RedisSubscriber & Pick<RedisCommands, "status">,
  channel: string,
): Promise<unknown> {
  try {
    return await subscriber.subscribe(channel);
  } catch (error) {
    if (subscriber.status === "ready" || subscriber.status === "end") throw error;
    await new Promise<void>((resolve, reject) => {
      subscriber.on("ready", resolve);
      subscriber.on("close", () => {
        reject(unavailable("Redis could not be reached.", error));
      });
    });
    return subscriber.subscribe(channel);
  }
}

function unavailable(sentence: string, error: unknown): WaybillError {
  const cause = new Error(isError(error) ? error.name : "not an error");
  return new WaybillError("feed.unavailable", sentence, { cause });
}
