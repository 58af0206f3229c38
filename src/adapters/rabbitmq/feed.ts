import { sleep } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";
import { defineFeed, type Feed, type FeedHint, type FeedSubscription } from "../../core/ports/feed.js";
import { type Heartbeat, watchLink } from "../../core/wire/hints/heartbeat.js";
import { HintListeners } from "../../core/wire/hints/listeners.js";
import { encodeHints, HEARTBEAT } from "../../core/wire/hints.js";
import { ChannelSlot, type OpenChannel } from "./channel.js";
import type { RabbitmqMessage } from "./client.js";
import { unavailable } from "./errors.js";
import { type Link, linkOf, type RabbitmqConnection } from "./link.js";
import { ensureExchange } from "./topology.js";

/** What `rabbitmqFeed` publishes and listens with. All feeds on one exchange hear each other. */
export interface RabbitmqFeedOptions {
  /** What `rabbitmqConnection` returned. */
  readonly connection: RabbitmqConnection;
  /** A fanout exchange of Waybill's alone, made where there is none. One exchange is one feed. @default "jobs.hints" */
  readonly exchange?: string | undefined;
}

const MAX_MESSAGE_BYTES = 64 * 1024;
/** What waits for a subscriber that is slow: then the oldest go. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** After an attempt to listen again that failed; the connection has its own, longer waits. */
const AGAIN_MS = 500;

/**
 * Change hints between processes over a fanout exchange, for any store. Each process that listens has a queue of its own,
 * exclusive and bounded, which goes with its connection; it listens again by itself, and then tells `onGap`.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function rabbitmqFeed(options: RabbitmqFeedOptions): Feed {
  requireOptions("rabbitmqFeed", options, ["connection", "exchange"]);
  const { connection, exchange = "jobs.hints" } = options;
  if (typeof exchange !== "string" || exchange === "")
    throw new WaybillError("config.invalid", "rabbitmqFeed: exchange must be a name.");
  return defineFeed(new RabbitmqFeed(linkOf("rabbitmqFeed", connection), exchange));
}

class RabbitmqFeed implements Feed {
  readonly #link: Link;
  readonly #exchange: string;
  readonly #publishing: ChannelSlot;
  readonly #listeners = new HintListeners();
  readonly #ended = new AbortController();
  #listening: ChannelSlot | null = null;
  #heartbeat: Heartbeat | null = null;
  /** The confirmation of a hint is waited for. */
  #isExpecting = false;

  constructor(link: Link, exchange: string) {
    this.#link = link;
    this.#exchange = exchange;
    this.#publishing = new ChannelSlot(link, (open) => ensureExchange(open, exchange, "fanout"));
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    const payloads = encodeHints(hints, MAX_MESSAGE_BYTES);
    if (payloads.length === 0) return;
    try {
      const open = await this.#publishing.get();
      // They would wait in memory here, and are old by then.
      if (open.session.isBlocked) return;
      this.#expect(open, Promise.all(payloads.map((payload) => this.#tell(open, payload))));
    } catch (error) {
      throw unavailable("feed", "RabbitMQ did not take the hints of the feed", error);
    }
  }

  async subscribe(
    listener: (hint: FeedHint) => void,
    options: FeedSubscription = {},
  ): Promise<() => Promise<void>> {
    this.#checkOpen();
    const leave = this.#listeners.add(listener, options);
    const listening = (this.#listening ??= this.#listen());
    try {
      await listening.get();
    } catch (error) {
      await this.#unsubscribe(leave);
      throw unavailable("feed", "RabbitMQ does not serve the feed", error);
    }
    return () => this.#unsubscribe(leave);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    this.#listeners.clear();
    await Promise.all([this.#publishing.close(), this.#stopListening()]);
  }

  async #unsubscribe(leave: () => void): Promise<void> {
    leave();
    if (this.#listeners.size === 0) await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening;
    this.#listening = null;
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    await listening?.close();
  }

  #listen(): ChannelSlot {
    let isAgain = false;
    const slot = new ChannelSlot(this.#link, async (open) => {
      await this.#attach(open);
      open.onClosed(() => void this.#listenAgain(slot));
      if (isAgain) this.#listeners.gap();
      isAgain = true;
    });
    this.#heartbeat ??= watchLink({
      clock: this.#link.clock,
      random: Math.random,
      beat: () => this.#beat(),
      // Its end makes another one; a broker that does not answer loses its connection.
      broken: () =>
        void slot.get().then(
          (open) => open.close(),
          () => undefined,
        ),
    });
    return slot;
  }

  async #beat(): Promise<void> {
    const open = await this.#publishing.get();
    if (open.session.isBlocked) return;
    await open.answer(this.#tell(open, HEARTBEAT));
  }

  /** Resolves when the broker has it, or the channel is lost. */
  #tell({ channel }: OpenChannel, payload: string): Promise<void> {
    return new Promise((resolve) => {
      channel.publish(this.#exchange, "", Buffer.from(payload), {}, () => {
        resolve();
      });
    });
  }

  /** Nobody waits for a hint, but a connection that takes none in time is given up: here may be no other that finds it out. */
  #expect(open: OpenChannel, taken: Promise<unknown>): void {
    if (this.#isExpecting) return;
    this.#isExpecting = true;
    open
      .answer(taken)
      .catch(() => undefined)
      .finally(() => {
        this.#isExpecting = false;
      });
  }

  /** Goes on until it listens, or nobody wants to hear any more. */
  async #listenAgain(slot: ChannelSlot): Promise<void> {
    while (this.#listening === slot && !this.#ended.signal.aborted && !this.#link.isClosed) {
      try {
        await slot.get();
        return;
      } catch {
        await sleep(this.#link.clock, AGAIN_MS, this.#ended.signal);
      }
    }
  }

  async #attach(open: OpenChannel): Promise<void> {
    const { channel } = open;
    await ensureExchange(open, this.#exchange, "fanout");
    const { queue } = await open.answer(
      channel.assertQueue("", {
        exclusive: true,
        autoDelete: true,
        durable: false,
        arguments: {
          "x-max-length": MAX_WAITING,
          "x-max-length-bytes": MAX_WAITING_BYTES,
          "x-overflow": "drop-head",
        },
      }),
    );
    await open.answer(channel.bindQueue(queue, this.#exchange, ""));
    const hear = (message: RabbitmqMessage | null): void => {
      if (message !== null) this.#hear(new TextDecoder().decode(message.content));
      // Somebody deleted the queue: another one is made, on another channel.
      else void open.close();
    };
    await open.answer(channel.consume(queue, hear, { consumerTag: "waybill-feed", noAck: true }));
  }

  #hear(payload: string): void {
    this.#heartbeat?.heard();
    this.#listeners.hear(payload);
  }

  #checkOpen(): void {
    if (this.#ended.signal.aborted) throw new WaybillError("waybill.closed", "The RabbitMQ feed was closed.");
  }
}
