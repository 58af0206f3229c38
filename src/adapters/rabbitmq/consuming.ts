import { sleep, type Clock, monotonicNow } from "../../core/environment/clock.js";
import type { ReceiveRequest } from "../../core/ports/queue.js";
import { ChannelSlot, type OpenChannel } from "./channel.js";
import type { RabbitmqMessage } from "./client.js";
import { type Link, unlessAborted } from "./link.js";

/** What was received, and the channel that it is settled on. */
export interface Received {
  readonly open: OpenChannel;
  readonly messages: readonly RabbitmqMessage[];
}

/** Everybody who consumes on one channel, by consumer tag. */
class Consumers {
  readonly open: OpenChannel;
  readonly #sinks = new Map<string, (message: RabbitmqMessage) => void>();
  #made = 0;
  #prefetch = 0;

  constructor(open: OpenChannel) {
    this.open = open;
    // Before the driver, which throws over a message that comes behind the end of its consumer.
    open.channel.prependListener("delivery", (message: RabbitmqMessage) => {
      const sink = this.#sinks.get(message.fields.consumerTag ?? "");
      if (sink === undefined) giveBack(open, message);
      else sink(message);
    });
  }

  /**
   * Takes at most `max` messages, until something came or `wait` is over. Resolves when the broker hands over no more;
   * rejects when the channel was lost, and with it what came.
   */
  async take(
    queue: string,
    { max, signal }: Pick<ReceiveRequest, "max" | "signal">,
    wait: (enough: AbortSignal) => Promise<void>,
  ): Promise<RabbitmqMessage[]> {
    const { open } = this;
    const messages: RabbitmqMessage[] = [];
    const enough = new AbortController();
    const stop = (): void => {
      enough.abort();
    };
    const tag = `waybill-${String((this.#made += 1))}`;
    this.#sinks.set(tag, (message) => {
      messages.push(message);
      stop();
    });
    const stopHearing = open.onClosed(stop);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await open.answer(this.#consume(queue, tag, max, stop));
      await wait(enough.signal);
      await open.answer(open.channel.cancel(tag));
      return messages;
    } finally {
      signal.removeEventListener("abort", stop);
      stopHearing();
      this.#sinks.delete(tag);
    }
  }

  /** The broker applies a prefetch to the consumers that follow: both leave together, so that no other comes in between. */
  async #consume(queue: string, consumerTag: string, max: number, ended: () => void): Promise<void> {
    const { channel } = this.open;
    const asked: Promise<unknown>[] = [];
    if (this.#prefetch !== max) asked.push(channel.prefetch(max));
    this.#prefetch = max;
    const hear = (message: RabbitmqMessage | null): void => {
      // The broker ends a consumer whose queue is deleted; the rest comes by the channel's own event.
      if (message === null) ended();
    };
    asked.push(channel.consume(queue, hear, { consumerTag }));
    await Promise.all(asked);
  }
}

/** Receives from one queue: consumes, with a prefetch of what was asked for, and stops as soon as something came. */
export class Consuming {
  readonly #queue: string;
  readonly #clock: Clock;
  readonly #slot: ChannelSlot;
  readonly #consumers = new WeakMap<OpenChannel, Consumers>();

  constructor(link: Link, queue: string, prepare: (open: OpenChannel) => Promise<void>) {
    this.#queue = queue;
    this.#clock = link.clock;
    this.#slot = new ChannelSlot(link, async (open) => {
      this.#consumers.set(open, new Consumers(open));
      await prepare(open);
    });
  }

  /** `null`: the signal aborted before anything was asked for. Rejects when the queue cannot be reached. */
  async receive({ max, waitMs, signal }: ReceiveRequest): Promise<Received | null> {
    if (signal.aborted) return null;
    const waitUntil = monotonicNow(this.#clock) + waitMs;
    const open = await unlessAborted(this.#slot.get(), signal);
    const consumers = open === null ? undefined : this.#consumers.get(open);
    if (open === null || consumers === undefined) return null;
    const messages = await consumers.take(this.#queue, { max, signal }, (enough) =>
      sleep(this.#clock, Math.max(0, waitUntil - monotonicNow(this.#clock)), enough, true),
    );
    return { open, messages };
  }

  /** Whatever is held goes back to the queue. */
  close(): Promise<void> {
    return this.#slot.close();
  }
}

/** As not received: newer brokers do not count it. */
function giveBack(open: OpenChannel, message: RabbitmqMessage): void {
  try {
    open.channel.nack(message, false, true);
  } catch {
    // It went back with its channel.
  }
}
