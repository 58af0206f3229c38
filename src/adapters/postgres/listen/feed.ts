import { type Clock, sleep, systemClock } from "../../../core/environment/clock.js";
import { isWaybillError, WaybillError } from "../../../core/errors/errors.js";
import { requireOptions } from "../../../core/options/options.js";
import { defineFeed, type Feed, type FeedHint, type FeedSubscription } from "../../../core/ports/feed.js";
import { type Heartbeat, watchLink } from "../../../core/wire/hints/heartbeat.js";
import { HintListeners } from "../../../core/wire/hints/listeners.js";
import { decodeHints, encodeHints, HEARTBEAT } from "../../../core/wire/hints.js";
import type {
  PostgresChannelClient,
  PostgresClient,
  PostgresListener,
  PostgresNotification,
} from "../client/client.js";
import { checkClient, checkListener } from "../client/client-check.js";
import { explained } from "../client/errors.js";
import { inTurn } from "../client/in-turn.js";
import { isPool, listenOnPool } from "./pool-listener.js";
import { decodeText, encodeText } from "../rows/text.js";

/** What `postgresFeed` publishes and listens with. All feeds on one channel of one database hear each other. */
export interface PostgresFeedOptions {
  /** `Pool` or `Client` of `pg`, `fromPostgresJs(sql)`, or a `PGlite`: what publishes. It is never closed by the feed. */
  readonly client: PostgresClient;
  /**
   * What hears notifications: not through a pooler in transaction mode. @default a connection borrowed from `client` where
   * that is a pool of two or more, or `client` where it can listen
   */
  readonly listen?: PostgresListener | undefined;
  /** One channel of a database is one feed: lower-case letters, digits and `_`. @default "waybill_hints" */
  readonly channel?: string | undefined;
  /** @default the system clock */
  readonly clock?: Clock | undefined;
}

/** Postgres takes less than 8,000 bytes in one notification. */
export const MAX_PAYLOAD_BYTES = 7_900;
/** Lower case only, so that it is the same name with and without quotes: PGlite listens without. */
const CHANNEL_PATTERN = /^[a-z_][a-z0-9_]{0,62}$/;
/** How long a notification to oneself may be under way, and how many are sent before it is believed that none comes. */
const PROBE_MS = 2_500;
const PROBES = 2;
/** How long no connection is asked for any more after one that heard nothing. */
const SWALLOWED_MS = 10 * 60_000;
/** How long whoever listened is waited for: over a link that went silent no answer comes. */
const LEAVE_MS = 2_000;
/** A connection that listens to nobody is kept for a moment: whoever listened may soon do so again. */
const LINGER_MS = 5_000;

const NOTIFY =
  "select count(pg_notify($1::text, payload)) from json_array_elements_text($2::text::json) as payload";

/**
 * Change hints between processes over LISTEN and NOTIFY, for any store. It listens while somebody does, listens again when
 * its connection breaks, and then tells `onGap`; one that is half open is found within 45 s.
 *
 * @throws WaybillError `config.invalid`
 */
export function postgresFeed(options: PostgresFeedOptions): Feed {
  requireOptions("postgresFeed", options, ["client", "listen", "channel", "clock"]);
  const { client, channel = "waybill_hints", clock = systemClock } = options;
  checkClient("The client of postgresFeed", client);
  if (typeof channel !== "string" || !CHANNEL_PATTERN.test(channel))
    throw new WaybillError("config.invalid", "postgresFeed: channel must match [a-z_][a-z0-9_]{0,62}.");
  if (options.listen !== undefined) checkListener(options.listen);
  const source = options.listen ?? sourceOf(client);
  if (source === null) {
    throw new WaybillError(
      "config.invalid",
      "postgresFeed: client cannot lend a connection that listens; pass listen.",
    );
  }
  return defineFeed(new PostgresFeed(client, source, channel, clock));
}

/** What a client can listen with by itself. */
export function sourceOf(client: PostgresClient): PostgresListener | null {
  if (isPool(client)) return listenOnPool(client);
  const { listen } = client as Partial<PostgresChannelClient>;
  return typeof listen === "function" ? (client as PostgresClient & PostgresChannelClient) : null;
}

type Stop = () => Promise<void>;

class PostgresFeed implements Feed {
  readonly #client: PostgresClient;
  readonly #source: PostgresListener;
  readonly #channel: string;
  readonly #clock: Clock;
  readonly #listeners = new HintListeners();
  readonly #deafRelisten: () => void;
  #listening: Promise<Stop> | null = null;
  #heartbeat: Heartbeat | null = null;
  #cancelLinger: () => void = () => undefined;
  /** Ends the wait for the first notification. */
  #firstHeard: () => void = () => undefined;
  #swallowedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(client: PostgresClient, source: PostgresListener, channel: string, clock: Clock) {
    this.#client = client;
    this.#source = source;
    this.#channel = channel;
    this.#clock = clock;
    const { onRelisten } = source as Partial<PostgresChannelClient>;
    this.#deafRelisten =
      onRelisten?.(() => {
        if (this.#listening !== null) this.#listeners.gap();
      }) ?? (() => undefined);
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    const payloads = encodeHints(hints.map(asStored), MAX_PAYLOAD_BYTES);
    if (payloads.length > 0) await this.#notify(payloads);
  }

  async subscribe(
    listener: (hint: FeedHint) => void,
    options: FeedSubscription = {},
  ): Promise<() => Promise<void>> {
    this.#checkOpen();
    this.#cancelLinger();
    const leave = this.#listeners.add(listener, options);
    const listening = (this.#listening ??= this.#listen());
    try {
      await listening;
    } catch (error) {
      leave();
      if (this.#listening === listening) this.#forget();
      throw isWaybillError(error, "feed.unavailable")
        ? error
        : new WaybillError("feed.unavailable", "Postgres does not notify the feed.", { cause: error });
    }
    return async () => {
      leave();
      if (this.#listeners.size > 0 || this.#listening === null) return;
      this.#cancelLinger();
      this.#cancelLinger = this.#clock.timer(LINGER_MS, () => {
        if (this.#listeners.size === 0) void this.#leave();
      });
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#deafRelisten();
    await this.#leave();
  }

  async #notify(payloads: readonly string[]): Promise<void> {
    try {
      const params = [this.#channel, JSON.stringify(payloads)];
      await inTurn(this.#client, () => this.#client.query(NOTIFY, params));
    } catch (error) {
      throw explained(error, "reads");
    }
  }

  async #listen(): Promise<Stop> {
    if (this.#clock.now() - this.#swallowedAt < SWALLOWED_MS) throw swallowed();
    const stop = await listen(this.#source, this.#channel, this.#hear, () => {
      // Forgotten, so that the next subscriber is told instead of waiting for hints that cannot come.
      this.#forget();
    });
    try {
      await this.#hearItself();
    } catch (error) {
      void stop().catch(() => undefined);
      throw error;
    }
    if (!this.#closed) {
      this.#heartbeat ??= watchLink({
        clock: this.#clock,
        random: Math.random,
        beat: () => this.#notify([HEARTBEAT]),
        broken: () => void this.#listenAnew(),
      });
    }
    return stop;
  }

  /**
   * A pooler in transaction mode takes LISTEN, and hands nothing on: asked before anybody relies on it. A process that stood
   * still finds its timer over before it reads what has arrived: hence the second try, whose statement lets it read.
   */
  async #hearItself(): Promise<void> {
    const over = new AbortController();
    let heard = false as boolean;
    this.#firstHeard = () => {
      heard = true;
      over.abort();
    };
    for (let probe = 0; probe < PROBES && !heard; probe += 1) {
      await this.#notify([HEARTBEAT]);
      await sleep(this.#clock, PROBE_MS, over.signal, true);
    }
    if (heard) return;
    this.#swallowedAt = this.#clock.now();
    throw swallowed();
  }

  readonly #hear = (payload: string): void => {
    this.#firstHeard();
    this.#heartbeat?.heard();
    if (this.#listeners.size > 0) this.#listeners.tell(decodeHints(payload).hints.map(asGiven));
  };

  /** The link is half open: another one takes its place. The old one may never answer, and is not waited for. */
  async #listenAnew(): Promise<void> {
    const old = this.#listening;
    if (old === null) return;
    const listening = (this.#listening = this.#listen());
    void old.then((stop) => stop()).catch(() => undefined);
    try {
      await listening;
      if (this.#listening === listening) this.#listeners.gap();
    } catch {
      // The next silence asks again.
    }
  }

  async #leave(): Promise<void> {
    const listening = this.#listening;
    this.#forget();
    if (listening === null) return;
    const left = new AbortController();
    // The connection may be gone already, and nothing is listened to then.
    void listening
      .then((stop) => stop())
      .catch(() => undefined)
      .finally(() => {
        left.abort();
      });
    await sleep(this.#clock, LEAVE_MS, left.signal, true);
  }

  #forget(): void {
    this.#cancelLinger();
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    this.#listening = null;
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The feed on Postgres was closed.");
  }
}

function swallowed(): WaybillError {
  return new WaybillError(
    "feed.unavailable",
    "The connection that listens hears no notification, as behind a pooler in transaction mode: changes are found by reading. Give listen a direct connection, or set it to false.",
  );
}

/** The store's own statements notify with texts as they are stored, so all do. */
function asStored(hint: FeedHint): FeedHint {
  return { ...hint, kind: encodeText(hint.kind), owner: mapped(hint.owner), subject: mapped(hint.subject) };
}

function mapped(text: string | null): string | null {
  return text === null ? null : encodeText(text);
}

function asGiven(hint: FeedHint): FeedHint {
  const { kind, owner, subject } = hint;
  return {
    ...hint,
    kind: given(kind),
    owner: owner === null ? null : given(owner),
    subject: subject === null ? null : given(subject),
  };
}

/** Anybody in the database may notify: what was never stored stays as it came. */
function given(stored: string): string {
  try {
    return decodeText(stored);
  } catch {
    return stored;
  }
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
): Promise<Stop> {
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
    await inTurn(client, () => client.query(`listen "${channel}"`));
  } catch (error) {
    deafen();
    throw error;
  }
  return async () => {
    deafen();
    await inTurn(client, () => client.query(`unlisten "${channel}"`));
  };
}
