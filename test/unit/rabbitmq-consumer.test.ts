// What is said to the broker by receives in a row, on a channel that answers at once.
import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { RabbitmqChannel, RabbitmqChannelModel } from "../../src/adapters/rabbitmq/client.js";
import { Link } from "../../src/adapters/rabbitmq/link.js";
import type { Delivery, Queue } from "../../src/core/ports/queue.js";
import { rabbitmqQueue } from "../../src/rabbitmq.js";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";

/** A queue that hands over as RabbitMQ does: as many unsettled messages per consumer as its prefetch. */
class FakeBroker {
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  readonly waiting: string[] = [];
  /** Where confirmed messages went, and after how long they expire there. */
  readonly sent: (readonly [string, string | undefined])[] = [];
  readonly #emitter = new EventEmitter();
  readonly #consumers = new Map<string, number>();
  readonly #unsettled = new Map<number, { readonly tag: string; readonly body: string }>();
  #prefetch = 0;
  #delivered = 0;
  /** Reads nothing, and has said so. */
  isBlocked = false;
  /** Declares nothing, and keeps the channel. */
  isRefusing = false;
  /** Called before a cancellation is answered. */
  onCancel: () => void = () => undefined;

  put(...bodies: readonly string[]): void {
    this.waiting.push(...bodies);
    this.#deliver();
  }

  model(): RabbitmqChannelModel {
    return {
      connection: {},
      createConfirmChannel: () => Promise.resolve(this.#channel()),
      close: () => Promise.resolve(),
      on: (event: string, listener: () => void) => {
        if (event === "blocked" && this.isBlocked) listener();
      },
    };
  }

  #channel(): RabbitmqChannel {
    const settle = (what: string, requeue: boolean) => (message: { fields: { deliveryTag: number } }) => {
      const held = this.#unsettled.get(message.fields.deliveryTag)!;
      this.asked.push(`${what} ${held.body}`);
      this.#unsettled.delete(message.fields.deliveryTag);
      if (requeue) this.waiting.unshift(held.body);
      this.#deliver();
    };
    const channel = {
      on: (event: string, listener: () => void) => this.#emitter.on(event, listener),
      prependListener: (event: string, listener: () => void) => this.#emitter.on(event, listener),
      prefetch: async (count: number) => {
        this.#prefetch = count;
      },
      consume: async (_: string, __: unknown, { consumerTag }: { consumerTag: string }) => {
        this.asked.push(`consume ${String(this.#prefetch)}`);
        if (this.isBlocked) await new Promise(() => undefined);
        this.#consumers.set(consumerTag, this.#prefetch);
        this.#deliver();
      },
      cancel: async (tag: string) => {
        this.asked.push("cancel");
        this.onCancel();
        this.#consumers.delete(tag);
      },
      assertQueue: async (name: string) => {
        this.asked.push(`declare ${name}`);
        return this.isRefusing ? Promise.reject(new Error("no majority")) : {};
      },
      publish: (
        _: string,
        to: string,
        __: Buffer,
        { expiration }: { readonly expiration?: string },
        confirmed: (error: unknown) => void,
      ) => {
        this.asked.push(this.isRefusing ? "refuse" : "publish");
        if (!this.isRefusing) this.sent.push([to, expiration]);
        confirmed(this.isRefusing ? new Error("message nacked") : null);
        return true;
      },
      ack: settle("ack", false),
      nack: settle("nack", true),
      close: () => Promise.resolve(),
    };
    return channel as unknown as RabbitmqChannel;
  }

  #deliver(): void {
    for (const [tag, prefetch] of this.#consumers) {
      const held = [...this.#unsettled.values()].filter((each) => each.tag === tag).length;
      for (let room = prefetch - held; room > 0 && this.waiting.length > 0; room -= 1) {
        const body = this.waiting.shift()!;
        const deliveryTag = (this.#delivered += 1);
        this.#unsettled.set(deliveryTag, { tag, body });
        this.#emitter.emit("delivery", {
          content: Buffer.from(body),
          fields: { deliveryTag, redelivered: false, consumerTag: tag },
          properties: {},
        });
      }
    }
  }
}

let clock: FakeClock;
let broker: FakeBroker;
let queue: Queue;
const stopping = new AbortController();

function open(consumerTimeoutMs = 1_800_000, declare = false): void {
  clock = fakeClock();
  broker = new FakeBroker();
  const connection = new Link(() => Promise.resolve(broker.model()), { clock });
  queue = rabbitmqQueue({ connection, queue: "q", declare, consumerTimeoutMs });
}

afterEach(() => queue.close());

async function receive(max: number, waitMs = 20_000): Promise<readonly Delivery[]> {
  const received = queue.receive({ max, waitMs, signal: stopping.signal });
  await clock.runUntil(received);
  return received;
}

const bodies = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ body }) => body);

describe("receives in a row", () => {
  it("share one consumer while its prefetch is what they ask for", async () => {
    open();
    broker.put("a", "b", "c", "d");
    const first = await receive(2);
    expect(bodies(first)).toEqual(["a", "b"]);
    await first[0]!.ack();
    expect(bodies(await receive(1))).toEqual(["c"]);
    await first[1]!.ack();
    expect(bodies(await receive(1))).toEqual(["d"]);
    expect(broker.asked).toEqual(["consume 2", "ack a", "ack b"]);
  });

  it("find what came meanwhile, as much of it as they ask for", async () => {
    open();
    broker.put("a", "b", "c", "d");
    for (const delivery of await receive(2)) await delivery.ack();
    expect(bodies(await receive(1))).toEqual(["c"]);
    expect(bodies(await receive(1))).toEqual(["d"]);
    expect(broker.asked).toEqual(["consume 2", "ack a", "ack b"]);
  });

  it("have consumers of their own where one could be given more than is asked for", async () => {
    open();
    broker.put("a");
    expect(await receive(10)).toHaveLength(1);
    const second = queue.receive({ max: 3, waitMs: 20_000, signal: stopping.signal });
    await clock.advance(1);
    broker.put("b", "c", "d", "e");
    await clock.runUntil(second);
    expect(await second).toHaveLength(3);
    expect(broker.asked).toEqual(["consume 10", "cancel", "consume 3"]);
    expect(broker.waiting).toEqual(["e"]);
  });

  it("have consumers of their own where one could be given less than is asked for", async () => {
    open();
    broker.put("a", "b", "c");
    expect(await receive(1)).toHaveLength(1);
    expect(await receive(2)).toHaveLength(2);
    expect(broker.asked).toEqual(["consume 1", "cancel", "consume 2"]);
  });

  it("leave no consumer behind when nothing came, and return what came last", async () => {
    open();
    broker.onCancel = () => {
      broker.put("late");
    };
    expect(bodies(await receive(2, 1_000))).toEqual(["late"]);
    expect(broker.asked).toEqual(["consume 2", "cancel"]);
  });

  it("end a consumer that a blocked broker did not answer for, since it may make it later", async () => {
    open();
    broker.isBlocked = true;
    await expect(receive(1)).rejects.toMatchObject({ code: "queue.unavailable" });
    expect(broker.asked).toEqual(["consume 1", "cancel"]);
  });
});

describe("a consumer that nobody asks", () => {
  it("stays while it has all in hand that it may, and is given nothing", async () => {
    open();
    broker.put("a", "b");
    await receive(1);
    await clock.advance(3_600_000 / 8);
    expect(broker.asked).toEqual(["consume 1"]);
    expect(broker.waiting).toEqual(["b"]);
  });

  it("ends within a quarter of a second where it may be given more, and gives back what came once it ended", async () => {
    open();
    broker.put("a", "b", "c");
    const [first, second] = await receive(2);
    await first!.ack();
    await clock.advance(200);
    await second!.ack();
    await clock.advance(49);
    expect(broker.asked).toEqual(["consume 2", "ack a", "ack b"]);
    broker.put("d");
    await clock.advance(1);
    expect(broker.asked).toEqual(["consume 2", "ack a", "ack b", "cancel", "nack c", "nack d"]);
    expect(broker.waiting.sort()).toEqual(["c", "d"]);
  });

  it("ends before a message is handed on whose job goes on: its place stays taken", async () => {
    open(20_000);
    broker.put("a", "b");
    await receive(1);
    await clock.advance(10_000);
    expect(broker.asked).toEqual(["consume 1", "publish", "cancel", "ack a"]);
    expect(broker.waiting).toEqual(["b"]);
  });
});

describe("a message that is held for long", () => {
  it("has the queue of its successor's delay declared half-way to where it is handed on", async () => {
    open(20_000, true);
    broker.put("a");
    await receive(1);
    broker.asked.length = 0;
    await clock.advance(4_999);
    expect(broker.asked).toEqual([]);
    await clock.advance(1);
    expect(broker.asked).toEqual(["declare q.delay.16384"]);
    await clock.advance(5_000);
    expect(broker.asked.slice(1)).toEqual(["publish", "cancel", "ack a"]);
  });

  it("is handed on at the same time where that could not be declared before", async () => {
    open(20_000, true);
    broker.put("a");
    const [held] = await receive(1);
    broker.isRefusing = true;
    await clock.advance(9_999);
    broker.isRefusing = false;
    broker.asked.length = 0;
    await clock.advance(1);
    expect(broker.asked).toEqual(["declare q.delay.16384", "publish", "cancel", "ack a"]);
    await held!.ack();
  });

  it("is tried again with the delay that it was given back for, where its successor was refused", async () => {
    open();
    broker.put("a");
    const [held] = await receive(1);
    broker.isRefusing = true;
    await expect(clock.runUntil(held!.release(10_000))).rejects.toMatchObject({ code: "queue.unavailable" });
    await clock.advance(4_000);
    expect(broker.asked).toEqual(["consume 1", "refuse", "refuse", "refuse"]);
    broker.isRefusing = false;
    await clock.advance(2_000);
    expect(broker.asked.slice(4)).toEqual(["publish", "ack a"]);
    expect(broker.sent).toEqual([["q.delay.16384", "10000"]]);
    await clock.advance(3_600_000);
    expect(broker.sent).toHaveLength(1);
  });

  it("declares nothing once it is settled", async () => {
    open(20_000, true);
    broker.put("a");
    for (const delivery of await receive(1)) await delivery.ack();
    broker.asked.length = 0;
    await clock.advance(20_000);
    expect(broker.asked).toEqual(["cancel"]);
  });
});
