import { type Clock, monotonicNow } from "../../../core/environment/clock.js";
import type { ReceiveRequest } from "../../../core/ports/queue.js";
import { ChannelSlot, type OpenChannel } from "../channel.js";
import type { RabbitmqMessage } from "../client.js";
import { Consumer, giveBack } from "./consumer.js";
import { isMissing } from "../errors.js";
import { type Link, unlessAborted } from "../link.js";
import type { Ground } from "../publisher.js";

/** What was received, the channel that it is settled on, and who is told of that. */
export interface Received {
  readonly open: OpenChannel;
  readonly consumer: Consumer;
  readonly messages: readonly RabbitmqMessage[];
}

/** Everybody who consumes on one channel, by consumer tag. */
class Consumers {
  readonly #open: OpenChannel;
  readonly #clock: Clock;
  readonly #ground: Ground;
  readonly #consumers = new Map<string, Consumer>();
  #idle: Consumer | null = null;
  #made = 0;
  #prefetch = 0;

  constructor(open: OpenChannel, clock: Clock, ground: Ground) {
    this.#open = open;
    this.#clock = clock;
    this.#ground = ground;
    // Before the driver, which throws over a message that comes behind the end of its consumer.
    open.channel.prependListener("delivery", (message: RabbitmqMessage) => {
      const consumer = this.#consumers.get(message.fields.consumerTag ?? "");
      if (consumer === undefined) giveBack(open, message);
      else consumer.hear(message);
    });
  }

  /** The one that stayed from the last receive, where it suits, or a new one. */
  async for(queue: string, max: number): Promise<Consumer> {
    const stayed = this.#idle;
    this.#idle = null;
    if (stayed?.isIdle === true) {
      if (stayed.suits(max)) return stayed;
      void stayed.end();
    }
    return this.#consume(queue, max);
  }

  /** Keeps it for the next receive, if it stays and no other does. */
  keep(consumer: Consumer): void {
    if (!consumer.isIdle) return;
    if (this.#idle?.isIdle === true) void consumer.end();
    else this.#idle = consumer;
  }

  /** The broker applies a prefetch to the consumers that follow: both leave together, so that no other comes in between. */
  async #consume(queue: string, prefetch: number): Promise<Consumer> {
    const { channel } = this.#open;
    const stands = this.#ground.ensure(this.#open);
    await stands;
    const tag = `waybill-${String((this.#made += 1))}`;
    const ended = (): void => {
      this.#consumers.delete(tag);
    };
    const consumer = new Consumer(this.#open, this.#clock, { tag, prefetch }, ended);
    this.#consumers.set(tag, consumer);
    const asked: Promise<unknown>[] = [];
    if (this.#prefetch !== prefetch) asked.push(channel.prefetch(prefetch));
    this.#prefetch = prefetch;
    const hear = (message: RabbitmqMessage | null): void => {
      // The broker ends a consumer whose queue is deleted; the rest comes by the channel's own event.
      if (message !== null) return;
      this.#ground.forget(this.#open, stands);
      consumer.stop();
    };
    asked.push(channel.consume(queue, hear, { consumerTag: tag }));
    try {
      await this.#open.answer(Promise.all(asked));
    } catch (error) {
      ended();
      if (isMissing(error)) this.#ground.forget(this.#open, stands);
      // A broker that is only blocked will consume for it later: what it gave would come back to it without end.
      channel.cancel(tag).catch(() => undefined);
      throw error;
    }
    return consumer;
  }
}

/** Receives from one queue: consumes, with a prefetch of what was asked for. */
export class Consuming {
  readonly #queue: string;
  readonly #clock: Clock;
  readonly #slot: ChannelSlot;
  readonly #consumers = new WeakMap<OpenChannel, Consumers>();

  constructor(link: Link, queue: string, ground: Ground) {
    this.#queue = queue;
    this.#clock = link.clock;
    this.#slot = new ChannelSlot(link, async (open) => {
      this.#consumers.set(open, new Consumers(open, link.clock, ground));
      await ground.ensure(open);
    });
  }

  /** `null`: the signal aborted before anything was asked for. Rejects when the queue cannot be reached. */
  async receive({ max, waitMs, signal }: ReceiveRequest): Promise<Received | null> {
    if (signal.aborted) return null;
    const waitUntil = monotonicNow(this.#clock) + waitMs;
    const open = await unlessAborted(this.#slot.get(), signal);
    const consumers = open === null ? undefined : this.#consumers.get(open);
    if (open === null || consumers === undefined) return null;
    const consumer = await consumers.for(this.#queue, max);
    const leftMs = Math.max(0, waitUntil - monotonicNow(this.#clock));
    const messages = await consumer.take({ max, waitMs: leftMs, signal });
    consumers.keep(consumer);
    return { open, consumer, messages };
  }

  /** Whatever is held goes back to the queue. */
  close(): Promise<void> {
    return this.#slot.close();
  }
}
