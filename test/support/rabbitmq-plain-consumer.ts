import { type Channel, type ChannelModel, connect } from "amqplib";
import type { RabbitmqServer } from "./rabbitmq-server.js";

/** A consumer that knows nothing of Waybill: amqplib, a durable queue, and a loop that connects again. */
export class PlainConsumer {
  readonly bodies: { readonly job_id: string; readonly version: number; readonly status: string }[] = [];
  readonly #server: RabbitmqServer;
  readonly #queue: string;
  readonly #exchange: string;
  readonly #pattern: string;
  #isStopped = false;
  #isAway = false;
  #model: ChannelModel | null = null;
  #channel: Channel | null = null;

  constructor(server: RabbitmqServer, exchange: string, pattern: string) {
    this.#server = server;
    this.#exchange = exchange;
    this.#pattern = pattern;
    this.#queue = server.name();
  }

  async start(): Promise<void> {
    this.#model = await connect(this.#server.url, { noDelay: true });
    this.#model.on("error", () => undefined);
    this.#model.on("close", () => void this.#again());
    const channel = await this.#model.createChannel();
    this.#channel = channel;
    channel.on("error", () => undefined);
    await channel.assertExchange(this.#exchange, "topic", { durable: true });
    await channel.assertQueue(this.#queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(this.#queue, this.#exchange, this.#pattern);
    await channel.consume(this.#queue, (given) => {
      if (given === null) return;
      this.bodies.push(JSON.parse(given.content.toString()) as PlainConsumer["bodies"][number]);
      channel.ack(given);
    });
  }

  /** Is away until `comeBack`: nobody takes from its queue. */
  async leave(): Promise<void> {
    this.#isAway = true;
    await this.#close();
  }

  async comeBack(): Promise<void> {
    this.#isAway = false;
    await this.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#close();
  }

  /** The channel first: what it acknowledged is on the way, and the end of the connection would overtake it. */
  async #close(): Promise<void> {
    try {
      await this.#channel?.close();
    } catch {
      // The broker has ended it: nothing is on the way.
    }
    await this.#model?.close();
  }

  async #again(): Promise<void> {
    while (!this.#isStopped && !this.#isAway) {
      try {
        await this.start();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}
