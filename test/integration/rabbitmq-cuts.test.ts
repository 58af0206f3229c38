// Every exchange of frames with a real broker, which all tests of this file share, goes wrong once: refused, lost before the
// broker has it, lost after its effect, and without an answer. Nothing is lost, and work goes on.
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Queue } from "../../src/core/ports/queue.js";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { PlainConsumer } from "../support/rabbitmq-plain-consumer.js";
import { type Exchange, type Fault, FAULTS, type RabbitmqProxy } from "../support/rabbitmq-proxy.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../support/rabbitmq-server.js";
import {
  eventually,
  HASTY,
  message,
  PATIENCE_MS,
  proxied,
  publishing,
  receive,
} from "./rabbitmq-through-proxy.js";
import { connect } from "amqplib";

const START_MS = 180_000;
const isMissing = rabbitmqMissing() !== null;
let server: RabbitmqServer;

// Most of a test here is waiting for an answer that does not come.
vi.setConfig({ maxConcurrency: 12 });

beforeAll(async () => {
  if (!isMissing) server = await startRabbitmq();
}, START_MS);

afterAll(async () => {
  if (!isMissing) await server.stop();
}, START_MS);

interface Case {
  readonly exchange: Exchange;
  readonly fault: Fault;
}

function withEachFault<T extends { readonly exchange: Exchange }>(
  exchanges: readonly T[],
): (T & { readonly fault: Fault })[] {
  return exchanges.flatMap((exchange) => FAULTS.map((fault) => ({ ...exchange, fault })));
}

function named(...exchanges: readonly Exchange[]): readonly { readonly exchange: Exchange }[] {
  return exchanges.map((exchange) => ({ exchange }));
}

/** Those of somebody whose declared exchange is there already. */
function onceThere(...exchanges: readonly Exchange[]) {
  return exchanges.map((exchange) => ({ exchange, isThere: true }));
}

/** Of a connection, and of the first channel with confirms. */
const OPENING = ["connection.start", "connection.open", "channel.open", "confirm.select"] as const;

function each<T extends Case>(title: string, cases: readonly T[], goesOn: (given: T) => Promise<void>): void {
  describe.skipIf(isMissing).concurrent(title, () => {
    it.concurrent.each([...cases])("$exchange, $fault", async (given) => goesOn(given), PATIENCE_MS * 2);
  });
}

async function sent(queue: Queue, body: string): Promise<void> {
  await eventually("sent", async () => {
    const [result] = await queue.send([message(body)]);
    // Never a plain refusal: whatever became of it, it is sent again.
    expect(result?.status).not.toBe("rejected");
    return result?.status === "sent" ? true : null;
  });
}

/** Acknowledges whatever comes until nothing does. Returns what came. */
async function drained(queue: Queue): Promise<ReadonlySet<string>> {
  const bodies = new Set<string>();
  await eventually("nothing left", async () => {
    const deliveries = await receive(queue, 5);
    for (const delivery of deliveries) {
      bodies.add(delivery.body);
      await delivery.ack();
    }
    return deliveries.length === 0 ? true : null;
  });
  return bodies;
}

function happened(proxy: RabbitmqProxy): Promise<true> {
  return eventually("the fault", async () => (proxy.hasFailed ? true : null));
}

each(
  "a queue that sends, receives, gives back and acknowledges",
  withEachFault(
    named(
      ...OPENING,
      "queue.declare",
      "basic.publish",
      "basic.qos",
      "basic.consume",
      "basic.cancel",
      "basic.ack",
      "basic.reject",
    ),
  ),
  async ({ exchange, fault }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const queue = rabbitmqQueue({ connection: link, queue: server.name() });
    proxy.failNext(exchange, fault);
    await sent(queue, "a");
    // Released once, so that every kind of settlement is among what may go wrong.
    const first = await eventually("received", async () => (await receive(queue, 5))[0] ?? null);
    await first.release(0).catch(() => undefined);
    await eventually("acknowledged", async () => {
      for (const delivery of await receive(queue, 5)) {
        expect(delivery.body).toBe("a");
        await delivery.ack();
        return true;
      }
      return null;
    });
    // An acknowledgement has no answer: it is on its way, or lost, and then the message comes once more.
    await happened(proxy);
    await drained(queue);
    await queue.close();
    await end();
  },
);

each(
  "a release with a delay: its queue, its successor and the original's acknowledgement",
  withEachFault(named("queue.declare", "basic.publish", "basic.ack")),
  async ({ exchange, fault }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const queue = rabbitmqQueue({ connection: link, queue: server.name() });
    await sent(queue, "a");
    proxy.failNext(exchange, fault);
    await eventually("the fault", async () => {
      // One that fails for another reason, such as a broker that is slow, comes again.
      for (const held of await receive(queue, 5)) await held.release(100).catch(() => undefined);
      return proxy.hasFailed ? true : null;
    });
    // The original, its successor, or both.
    await eventually("again", async () => ((await drained(queue)).has("a") ? true : null));
    await queue.close();
    await end();
  },
);

each(
  "a consumer that ends, and gives back what came meanwhile",
  withEachFault(named("basic.nack")),
  async ({ exchange, fault }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const queue = rabbitmqQueue({ connection: link, queue: server.name() });
    const missing = new Set<string>();
    const send = async (): Promise<void> => {
      const body = `m-${String(missing.size)}`;
      missing.add(body);
      await sent(queue, body);
    };
    const seen = new Set<string>();
    await send();
    proxy.failNext(exchange, fault);
    await eventually("the fault", async () => {
      for (const delivery of await receive(queue, 5)) {
        seen.add(delivery.body);
        await delivery.ack();
      }
      // Given to the consumer that stays; one that nobody asks ends after a quarter of a second.
      await send();
      for (let looks = 0; looks < 100 && !proxy.hasFailed; looks += 1)
        await new Promise((resolve) => setTimeout(resolve, 10));
      return proxy.hasFailed ? true : null;
    });
    await eventually("all", async () => {
      for (const body of await drained(queue)) seen.add(body);
      return [...missing].every((body) => seen.has(body)) ? true : null;
    });
    await queue.close();
    await end();
  },
);

each(
  "an end in good order",
  withEachFault(named("channel.close", "connection.close")),
  async ({ exchange, fault }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const queue = rabbitmqQueue({ connection: link, queue: server.name() });
    await sent(queue, "a");
    proxy.failNext(exchange, fault);
    await queue.close();
    await link.close();
    expect(proxy.hasFailed).toBe(true);
    await end();
  },
);

/** The first declaration only asks whether the exchange is there; where it is not, the second makes it. */
const DECLARATIONS = [
  { exchange: "exchange.declare", isThere: true },
  { exchange: "exchange.declare", isThere: false },
] as const;

async function makeExchange(name: string, type: "topic" | "fanout"): Promise<void> {
  const client = await server.client();
  const channel = await client.createChannel();
  await channel.assertExchange(name, type, { durable: true });
  await client.close();
}

each(
  "a notifier that makes its exchange and publishes",
  withEachFault([...onceThere(...OPENING, "channel.close", "basic.publish"), ...DECLARATIONS]),
  async ({ exchange, fault, isThere }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const name = server.name();
    const consumer = new PlainConsumer(server, name, "document.status.updated");
    if (isThere) await consumer.start();
    const notifier = rabbitmqNotifier({
      connection: link,
      exchange: name,
      format: "flat",
      name: () => "document",
    });
    proxy.failNext(exchange, fault, exchange === "exchange.declare" && !isThere ? 1 : 0);
    for (const version of [1, 2, 3]) {
      await eventually("delivered", async () => {
        const [result] = await publishing(notifier, [sampleEvent("job-a", version)]);
        expect(result?.status).not.toBe("rejected");
        return result?.status === "delivered" ? true : null;
      });
      if (version === 1 && !isThere) await consumer.start();
    }
    await happened(proxy);
    const expected = isThere ? [1, 2, 3] : [2, 3];
    await eventually("told", async () => {
      const versions = new Set(consumer.bodies.map(({ version }) => version));
      return versions.size === expected.length ? true : null;
    });
    // A repetition is allowed; what counts is when each was seen first.
    expect([...new Set(consumer.bodies.map(({ version }) => version))]).toEqual(expected);
    await consumer.stop();
    await notifier.close?.();
    await end();
  },
);

each(
  "a feed that makes its exchange, and listens",
  withEachFault([
    ...onceThere(...OPENING, "channel.close", "queue.declare", "queue.bind", "basic.consume"),
    ...DECLARATIONS,
  ]),
  async ({ exchange, fault, isThere }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const direct = rabbitmqConnection(() => connect(server.url, { noDelay: true }));
    const name = server.name();
    if (isThere) await makeExchange(name, "fanout");
    const subscriber = rabbitmqFeed({ connection: link, exchange: name });
    const publisher = rabbitmqFeed({ connection: direct, exchange: name });
    proxy.failNext(exchange, fault, exchange === "exchange.declare" && !isThere ? 1 : 0);
    const heard: string[] = [];
    await eventually("listens", async () => {
      await subscriber.subscribe((hint) => heard.push(hint.id));
      return true;
    });
    await happened(proxy);
    await eventually("heard", async () => {
      await publisher.publish([hint("a")]);
      return heard.includes("a") ? true : null;
    });
    for (const part of [subscriber, publisher, direct]) await part.close();
    await end();
  },
);

each(
  "a feed that publishes",
  withEachFault([...onceThere(...OPENING, "channel.close", "basic.publish"), ...DECLARATIONS]),
  async ({ exchange, fault, isThere }) => {
    const { proxy, link, end } = await proxied(server, HASTY);
    const direct = rabbitmqConnection(() => connect(server.url, { noDelay: true }));
    const name = server.name();
    if (isThere) await makeExchange(name, "fanout");
    const publisher = rabbitmqFeed({ connection: link, exchange: name });
    const subscriber = rabbitmqFeed({ connection: direct, exchange: name });
    const heard: string[] = [];
    proxy.failNext(exchange, fault, exchange === "exchange.declare" && !isThere ? 1 : 0);
    if (isThere) await subscriber.subscribe((hint) => heard.push(hint.id));
    // A hint may be lost: the next change makes another.
    await eventually("the fault", async () => {
      await publisher.publish([hint("a")]).catch(() => undefined);
      return proxy.hasFailed ? true : null;
    });
    if (!isThere) await subscriber.subscribe((hint) => heard.push(hint.id));
    await eventually("heard", async () => {
      await publisher.publish([hint("b")]);
      return heard.includes("b") ? true : null;
    });
    for (const part of [subscriber, publisher, direct]) await part.close();
    await end();
  },
);

function hint(id: string) {
  return { id, kind: "k", version: 1, owner: null, subject: null };
}
