import { WaybillError } from "../../core/errors.js";
import { defineFeed, type Feed, type FeedHint } from "../../core/ports/feed.js";
import type { RedisClient, RedisSubscriber } from "./client.js";

/** Hints travel many in one message: `[[id, kind, version, owner, subject], …]`. A subscriber that is slow is cut off by bytes. */
const MAX_MESSAGE_CHARS = 256 * 1024;

type Tuple = readonly [string, string, number, string | null, string | null];

type Listener = (hint: FeedHint) => void;

interface Subscription {
  readonly listener: Listener;
}

interface Listening {
  readonly subscriber: RedisSubscriber;
  readonly attached: Promise<unknown>;
}

/** Hints over pub/sub. The connection that listens is made when somebody subscribes first. */
export function redisFeed(client: RedisClient, channel: string): Feed {
  return defineFeed(new RedisFeed(client, channel));
}

class RedisFeed implements Feed {
  readonly #client: RedisClient;
  readonly #channel: string;
  readonly #subscriptions = new Set<Subscription>();
  #listening: Listening | null = null;
  #closed = false;

  constructor(client: RedisClient, channel: string) {
    this.#client = client;
    this.#channel = channel;
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    for (const message of messagesOf(hints)) {
      try {
        await this.#client.publish(this.#channel, message);
      } catch (error) {
        throw unavailable("Redis did not take the hints of the store's feed.", error);
      }
    }
  }

  async subscribe(listener: Listener): Promise<() => Promise<void>> {
    this.#checkOpen();
    const subscription: Subscription = { listener };
    this.#subscriptions.add(subscription);
    const listening = (this.#listening ??= this.#listen());
    try {
      await listening.attached;
    } catch (error) {
      this.#subscriptions.delete(subscription);
      if (this.#listening === listening) this.#listening = null;
      listening.subscriber.disconnect();
      throw unavailable("Redis does not serve the store's feed.", error);
    }
    return async () => {
      this.#subscriptions.delete(subscription);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscriptions.clear();
    const listening = this.#listening;
    this.#listening = null;
    listening?.subscriber.disconnect();
    await listening?.attached.catch(() => undefined);
  }

  #listen(): Listening {
    const subscriber = this.#client.duplicate();
    // The driver connects and subscribes again by itself; what was said meanwhile is lost, as hints may be.
    subscriber.on("error", () => undefined);
    // Nothing else is subscribed here: whatever prefix the client gives channels does not matter.
    subscriber.on("message", (_channel, message) => {
      this.#hear(message);
    });
    return { subscriber, attached: subscriber.subscribe(this.#channel) };
  }

  #hear(message: string): void {
    const hints = hintsOf(message);
    for (const subscription of [...this.#subscriptions]) {
      for (const hint of hints) this.#deliver(subscription, hint);
    }
  }

  #deliver(subscription: Subscription, hint: FeedHint): void {
    if (!this.#subscriptions.has(subscription)) return;
    try {
      subscription.listener(hint);
    } catch {
      // A listener's error is its own affair: the others must not suffer from it.
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The feed of the Redis store was closed.");
  }
}

function unavailable(sentence: string, error: unknown): WaybillError {
  const cause = new Error(error instanceof Error ? error.name : "not an error");
  return new WaybillError("feed.unavailable", sentence, { cause });
}

/** As few messages as hints fit in: nearly always one. */
function messagesOf(hints: readonly FeedHint[]): readonly string[] {
  const messages: string[] = [];
  let parts: string[] = [];
  let chars = 0;
  const flush = (): void => {
    if (parts.length > 0) messages.push(`[${parts.join(",")}]`);
    parts = [];
    chars = 0;
  };
  for (const { id, kind, version, owner, subject } of hints) {
    const part = JSON.stringify([id, kind, version, owner, subject] satisfies Tuple);
    if (chars + part.length > MAX_MESSAGE_CHARS) flush();
    parts.push(part);
    chars += part.length + 1;
  }
  flush();
  return messages;
}

/** Anybody may publish: what is not a hint is left. */
function hintsOf(message: string): readonly FeedHint[] {
  let tuples: unknown;
  try {
    tuples = JSON.parse(message);
  } catch {
    return [];
  }
  if (!Array.isArray(tuples)) return [];
  return (tuples as readonly unknown[]).filter(isTuple).map(([id, kind, version, owner, subject]) => ({
    id,
    kind,
    version,
    owner,
    subject,
  }));
}

function isTuple(value: unknown): value is Tuple {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [id, kind, version, owner, subject] = value as readonly unknown[];
  const isText = (part: unknown): boolean => part === null || typeof part === "string";
  const isNamed = typeof id === "string" && typeof kind === "string";
  return isNamed && typeof version === "number" && isText(owner) && isText(subject);
}
