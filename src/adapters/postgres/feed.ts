import { WaybillError } from "../../core/errors.js";
import { defineFeed, type Feed, type FeedHint } from "../../core/ports/feed.js";
import type { PostgresListener, PostgresNotification } from "./client.js";
import type { Session } from "./session.js";

/** Postgres takes less than 8,000 bytes in one notification. */
const MAX_PAYLOAD_BYTES = 7_900;

/** Hints travel several in one notification: `[[id, kind, version, owner, subject], …]`. */
type Tuple = readonly [string, string, number, string | null, string | null];

const NOTIFY =
  "select count(pg_notify($1::text, payload)) from json_array_elements_text($2::text::json) as payload";

type Listener = (hint: FeedHint) => void;

interface Subscription {
  readonly listener: Listener;
}

/**
 * Hints over LISTEN and NOTIFY. They are sent by a statement of their own: a notification that Postgres refuses (its queue
 * is full when somebody listens and never reads) fails the transaction that it is in.
 */
export function postgresFeed(session: Session, source: PostgresListener): Feed {
  return defineFeed(new PostgresFeed(session, source));
}

class PostgresFeed implements Feed {
  readonly #session: Session;
  readonly #source: PostgresListener;
  readonly #channel: string;
  readonly #subscriptions = new Set<Subscription>();
  #listening: Promise<() => Promise<void>> | null = null;
  #closed = false;

  constructor(session: Session, source: PostgresListener) {
    this.#session = session;
    this.#source = source;
    this.#channel = session.names.channel;
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    const payloads = payloadsOf(hints);
    if (payloads.length === 0) return;
    await this.#session.run(NOTIFY, [this.#channel, JSON.stringify(payloads)], "reads");
  }

  async subscribe(listener: Listener): Promise<() => Promise<void>> {
    this.#checkOpen();
    const subscription: Subscription = { listener };
    this.#subscriptions.add(subscription);
    try {
      await (this.#listening ??= this.#listen());
    } catch (error) {
      this.#subscriptions.delete(subscription);
      this.#listening = null;
      throw new WaybillError("feed.unavailable", "Postgres does not notify the store's feed.", {
        cause: error,
      });
    }
    return async () => {
      this.#subscriptions.delete(subscription);
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#subscriptions.clear();
    const stop = await this.#listening?.catch(() => undefined);
    // The connection may be gone already, and nothing is listened to then.
    await stop?.().catch(() => undefined);
  }

  #listen(): Promise<() => Promise<void>> {
    const link = listen(this.#source, this.#channel, this.#hear, () => {
      // Forgotten, so that the next subscriber is told instead of waiting for hints that cannot come.
      if (this.#listening === link) this.#listening = null;
    });
    return link;
  }

  readonly #hear = (payload: string): void => {
    const hints = hintsOf(payload);
    for (const subscription of [...this.#subscriptions]) {
      for (const hint of hints) this.#deliver(subscription, hint);
    }
  };

  #deliver(subscription: Subscription, hint: FeedHint): void {
    if (!this.#subscriptions.has(subscription)) return;
    try {
      subscription.listener(hint);
    } catch {
      // A listener's error is its own affair: the others must not suffer from it.
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The feed of the Postgres store was closed.");
  }
}

/** As few notifications as they fit in. A hint that fits in none is dropped: whoever watches reads the store anyway. */
function payloadsOf(hints: readonly FeedHint[]): readonly string[] {
  const encoder = new TextEncoder();
  const payloads: string[] = [];
  let parts: string[] = [];
  let bytes = 2;
  const flush = (): void => {
    if (parts.length > 0) payloads.push(`[${parts.join(",")}]`);
    parts = [];
    bytes = 2;
  };
  for (const { id, kind, version, owner, subject } of hints) {
    const part = JSON.stringify([id, kind, version, owner, subject] satisfies Tuple);
    const size = encoder.encode(part).length + 1;
    if (size + 2 > MAX_PAYLOAD_BYTES) continue;
    if (bytes + size > MAX_PAYLOAD_BYTES) flush();
    parts.push(part);
    bytes += size;
  }
  flush();
  return payloads;
}

/** Anybody in the database may notify: what is not a hint is left. */
function hintsOf(payload: string): readonly FeedHint[] {
  let tuples: unknown;
  try {
    tuples = JSON.parse(payload);
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

/** What every `Client` of `pg` tells of its end. */
interface EndingClient {
  on(event: "error" | "end", listener: () => void): unknown;
  removeListener(event: "error" | "end", listener: () => void): unknown;
}

/** Begins to listen; returns how to stop. `lost`: the connection has ended, and this kind cannot be made anew. */
async function listen(
  source: PostgresListener,
  channel: string,
  hear: (payload: string) => void,
  lost: () => void,
): Promise<() => Promise<void>> {
  if ("listen" in source) return source.listen(channel, hear);
  const client = source as typeof source & EndingClient;
  const onNotification = (message: PostgresNotification): void => {
    if (message.channel === channel) hear(message.payload ?? "");
  };
  const deafen = (): void => {
    client.removeListener("notification", onNotification);
    client.removeListener("end", onEnd);
  };
  const onEnd = (): void => {
    deafen();
    lost();
  };
  client.on("notification", onNotification);
  client.on("end", onEnd);
  // Never removed: an `error` that nobody hears ends the process, and it may come after the end.
  client.on("error", lost);
  try {
    await client.query(`listen "${channel}"`);
  } catch (error) {
    deafen();
    throw error;
  }
  return async () => {
    deafen();
    await client.query(`unlisten "${channel}"`);
  };
}
