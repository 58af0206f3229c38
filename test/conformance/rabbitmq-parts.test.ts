// The three ports on a real broker, which all tests of this file share; they run side by side. `WAYBILL_RABBITMQ_URL` names
// another one, such as a RabbitMQ 4.
import { type ChannelModel, connect } from "amqplib";
import { afterAll, describe, it } from "vitest";
import { Link } from "../../src/adapters/rabbitmq/link.js";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { queueSuite } from "../../src/testing/queue-suite/queue-suite.js";
import type { SuiteRunner } from "../../src/testing/suite-runner.js";
import { answering } from "../support/rabbitmq-answers.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../support/rabbitmq-server.js";

const elsewhere = process.env["WAYBILL_RABBITMQ_URL"];
const isMissing = elsewhere === undefined && rabbitmqMissing() !== null;
const START_MS = 90_000;

let server: Promise<RabbitmqServer> | null = null;
let opened: Promise<ChannelModel> | null = null;
let made = 0;

async function url(): Promise<string> {
  if (elsewhere !== undefined) return elsewhere;
  server ??= startRabbitmq();
  return (await server).url;
}

/** One connection for all tests of this file, as an application has one for all its parts. */
async function model(): Promise<ChannelModel> {
  opened ??= connect(await url(), { noDelay: true });
  return opened;
}

function name(): string {
  made += 1;
  return `conformance-${String(process.pid)}-${String(Date.now())}-${String(made)}`;
}

/** Tests that wait for seconds do so together. */
const sideBySide: SuiteRunner = {
  describe,
  it(title, body, timeoutMs = START_MS) {
    it.concurrent(title, { timeout: timeoutMs + START_MS }, body);
  },
};

const shared = rabbitmqConnection(async () => connect(await url(), { noDelay: true }));

afterAll(async () => {
  await shared.close();
  await (await opened)?.close();
  await (await server)?.stop();
}, START_MS);

describe.skipIf(isMissing)("RabbitMQ's queue", () => {
  queueSuite(sideBySide, {
    async create() {
      const queue = name();
      const part = rabbitmqQueue({ connection: shared, queue, maxReceives: 3 });
      return {
        queue: part,
        visibilityMs: null,
        unsendable: "x".repeat(1024 * 1024 + 1),
        close: () => part.close(),
      };
    },
  });
});

describe.skipIf(isMissing)("RabbitMQ's feed", () => {
  feedSuite(sideBySide, {
    async create() {
      const exchange = name();
      const [publisher, subscriber] = [1, 2].map(() => rabbitmqFeed({ connection: shared, exchange }));
      return {
        publisher: publisher!,
        subscriber: subscriber!,
        async close() {
          await publisher!.close();
          await subscriber!.close();
        },
      };
    },
  });
});

describe.skipIf(isMissing)("RabbitMQ's notifier", () => {
  notifierSuite(sideBySide, {
    async create() {
      const exchange = name();
      const channel = await (await model()).createChannel();
      await channel.assertExchange(exchange, "topic", { durable: true });
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await channel.bindQueue(queue, exchange, "#");
      const delivered: string[] = [];
      const hear = (message: { properties: { messageId: unknown } } | null): void => {
        delivered.push(String(message?.properties.messageId));
      };
      await channel.consume(queue, hear, { noAck: true });
      const answers = answering(async () => connect(await url(), { noDelay: true }));
      const connection = new Link(answers.connect);
      const notifier = rabbitmqNotifier({
        connection,
        exchange,
        format: "flat",
        fields: answers.fields,
      });
      return {
        notifier,
        async delivered() {
          // What was confirmed is in the queue, and the consumer is told of it before the answer to this.
          await channel.checkQueue(queue);
          return delivered;
        },
        answer: answers.answer,
        async close() {
          await connection.close();
          await channel.close();
        },
      };
    },
  });
});
