import type { Clock } from "../../../core/environment/clock.js";
import { WaybillError } from "../../../core/errors/errors.js";
import type { Delivery } from "../../../core/ports/queue.js";
import type { OpenChannel } from "../channel.js";
import type { RabbitmqMessage } from "../client.js";
import type { Consumer } from "./consumer.js";
import { unavailable } from "../errors.js";
import type { Published } from "../publisher.js";
import { returnsOf, type Travel, travelOf } from "./travel.js";

/** What a message needs of the queue that it came from. */
export interface Holding {
  readonly clock: Clock;
  /** Receives after which it goes to the dead letters; `null`: never. */
  readonly maxReceives: number | null;
  /** How long the broker lets it be held. */
  readonly consumerTimeoutMs: number;
  /** Makes what `sendAfter` of this delay needs, so that it goes at once when its time comes. Best effort, never rejects. */
  prepareDelay(delayMs: number): Promise<void>;
  /** Sends a copy that comes after the delay. */
  sendAfter(content: Uint8Array, delayMs: number, travel: Travel): Promise<Published>;
}

/** Where a message came from. */
export interface Origin {
  readonly open: OpenChannel;
  /** Told of its settlement, since the broker then gives another. */
  readonly consumer: Pick<Consumer, "settled" | "retire">;
}

/** After a successor was not confirmed. */
const AGAIN_MS = 2_000;
const UTF8 = new TextDecoder();

/**
 * A message that was received and is not settled. The broker counts how long it is held, whoever may be at work on it, and at
 * its consumer timeout closes the channel and gives everything on it to others. So half-way a successor is sent, delayed by
 * the other half, and the original acknowledged: by then the job has ended, or its lease tells who runs it.
 */
export class HeldMessage implements Delivery {
  readonly body: string;
  readonly receives: number;
  readonly #holding: Holding;
  readonly #open: OpenChannel;
  readonly #consumer: Origin["consumer"];
  readonly #message: RabbitmqMessage;
  readonly #travel: Travel;
  #state: "held" | "handed_on" | "settled" = "held";
  #passing: Promise<boolean> | null = null;
  #cancelTimer: () => void;

  constructor(holding: Holding, { open, consumer }: Origin, message: RabbitmqMessage) {
    this.#holding = holding;
    this.#open = open;
    this.#consumer = consumer;
    this.#message = message;
    this.#travel = travelOf(message);
    this.body = UTF8.decode(message.content);
    this.receives = this.#travel.receivesBefore + returnsOf(message) + 1;
    this.#cancelTimer = this.#handOnHalfWay();
  }

  get sentAt(): number | null {
    return this.#travel.sentAt;
  }

  get groupId(): string | null {
    return this.#travel.groupId;
  }

  /** Whether it came back more often than it may, by ways that no release saw. */
  get isSpent(): boolean {
    const { maxReceives } = this.#holding;
    return maxReceives !== null && this.receives > maxReceives;
  }

  /** What is left of a delay that began in an earlier copy. */
  get remainingMs(): number {
    return this.#travel.remainingMs;
  }

  async ack(): Promise<void> {
    if (this.#isGone()) return;
    this.#settle((channel, message) => {
      channel.ack(message);
    });
  }

  async release(afterMs: number): Promise<void> {
    await this.#passing;
    if (this.#isGone()) return;
    this.#checkOpen();
    const { maxReceives } = this.#holding;
    if (maxReceives !== null && this.receives >= maxReceives) this.discard();
    // Not `nack`, which RabbitMQ 4.3 and newer do not count.
    else if (afterMs <= 0)
      this.#settle((channel, message) => {
        channel.reject(message, true);
      });
    else await this.#postpone(afterMs, this.receives);
  }

  /** Nothing runs out while the connection lasts: what the broker counts is seen to half-way, beat or no beat. */
  async extend(): Promise<void> {
    if (this.#state === "held") this.#checkOpen();
  }

  /** Waits for the rest of its delay, as if it had not been received. */
  async goOnWaiting(): Promise<void> {
    await this.#postpone(this.remainingMs, this.receives - 1);
  }

  /** To the dead letters. */
  discard(): void {
    this.#settle((channel, message) => {
      channel.reject(message, false);
    });
  }

  async #postpone(delayMs: number, receivesBefore: number): Promise<void> {
    this.#cancelTimer();
    if (await this.#passOn("settled", delayMs, receivesBefore)) return;
    if (!this.#open.isClosed) {
      this.#cancelTimer = this.#holding.clock.timer(this.#againMs, () => {
        // Nobody waits for it any more: it is tried until it works, or the channel is lost.
        this.#postpone(delayMs, receivesBefore).catch(() => undefined);
      });
    }
    throw unavailable("queue", "RabbitMQ did not confirm a message that was given back for later");
  }

  /** What that needs is made ready before: a broker that is busy may take seconds to declare a replicated queue. */
  #handOnHalfWay(): () => void {
    const { clock, consumerTimeoutMs } = this.#holding;
    return clock.timer(consumerTimeoutMs / 4, () => {
      if (this.#open.isClosed) return;
      this.#cancelTimer = this.#handOnAfter(consumerTimeoutMs / 4);
      void this.#holding.prepareDelay(consumerTimeoutMs / 2);
    });
  }

  #handOnAfter(ms: number): () => void {
    return this.#holding.clock.timer(ms, () => {
      void this.#handOn();
    });
  }

  async #handOn(): Promise<void> {
    if (this.#state !== "held" || this.#open.isClosed) return;
    const { consumerTimeoutMs } = this.#holding;
    if (await this.#passOn("handed_on", consumerTimeoutMs / 2, this.receives)) return;
    this.#cancelTimer = this.#handOnAfter(this.#againMs);
  }

  get #againMs(): number {
    return Math.min(AGAIN_MS, this.#holding.consumerTimeoutMs / 8);
  }

  #passOn(then: "handed_on" | "settled", delayMs: number, receivesBefore: number): Promise<boolean> {
    const passing = this.#sendSuccessor(then, delayMs, receivesBefore).finally(() => {
      this.#passing = null;
    });
    this.#passing = passing;
    return passing;
  }

  /** Acknowledges the original only once the broker has its successor. `false`: it may not have it. */
  async #sendSuccessor(
    then: "handed_on" | "settled",
    delayMs: number,
    receivesBefore: number,
  ): Promise<boolean> {
    const { sentAt, groupId } = this.#travel;
    const travel = { receivesBefore, sentAt, groupId, remainingMs: 0 };
    const sent = await this.#holding.sendAfter(this.#message.content, delayMs, travel);
    if (sent.status !== "confirmed") return false;
    // Its job goes on: there is no room here for another.
    if (then === "handed_on") await this.#consumer.retire();
    // Acknowledged meanwhile: the successor will find its job ended.
    if (this.#state !== "held") return true;
    this.#state = then;
    this.#consumer.settled();
    try {
      this.#open.channel.ack(this.#message);
    } catch {
      // The channel is gone: the original comes again as well, and one of the two finds nothing to do.
    }
    return true;
  }

  /** Settled, or handed on: then its successor is what is left of it. */
  #isGone(): boolean {
    if (this.#state === "settled")
      throw new WaybillError("queue.unavailable", "The delivery was acknowledged or given back before.");
    if (this.#state === "held") return false;
    this.#state = "settled";
    return true;
  }

  #settle(how: (channel: OpenChannel["channel"], message: RabbitmqMessage) => void): void {
    this.#checkOpen();
    this.#cancelTimer();
    try {
      how(this.#open.channel, this.#message);
    } catch (error) {
      throw unavailable("queue", "The channel that the delivery came over is closed: it comes again", error);
    }
    this.#state = "settled";
    this.#consumer.settled();
  }

  #checkOpen(): void {
    if (this.#open.isClosed)
      throw unavailable("queue", "The channel that the delivery came over is closed: it comes again");
  }
}
