// The three ports on a real broker, which all tests of this file share; they run side by side. `WAYBILL_RABBITMQ_URL` names
// another one, such as a RabbitMQ 4.
import { type ChannelModel, connect } from "amqplib";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { queueSuite } from "../../src/testing/queue-suite/queue-suite.js";
import type { SuiteRunner } from "../../src/testing/suite-runner.js";
import { answering } from "../support/rabbitmq-answers.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../support/rabbitmq-server.js";

const elsewhere = process.env["WAYBILL_RABBITMQ_URL"];
const isMissing = elsewhere === undefined && rabbitmqMissing() !== null;
const START_MS = 180_000;

let server: RabbitmqServer | null = null;
let url = elsewhere ?? "";
/** What a test itself says to the broker. */
let model: ChannelModel;
let made = 0;

const connectHere = (): Promise<ChannelModel> => connect(url, { noDelay: true });
/** One connection for all parts, as an application has it. */
const connection = rabbitmqConnection(connectHere);

// Most of a test here is waiting for seconds to pass: they do so together.
vi.setConfig({ maxConcurrency: 16 });
const sideBySide: SuiteRunner = {
  describe(title, body) {
    describe.concurrent(title, body);
  },
  it(title, body, timeoutMs = 60_000) {
    it.concurrent(title, { timeout: timeoutMs }, body);
  },
};

function name(): string {
  made += 1;
  return `conformance-${String(process.pid)}-${String(Date.now())}-${String(made)}`;
}

beforeAll(async () => {
  if (isMissing) return;
  if (elsewhere === undefined) {
    server = await startRabbitmq();
    url = server.url;
  }
  model = await connectHere();
}, START_MS);

afterAll(async () => {
  await connection.close();
  if (!isMissing) await model.close();
  await server?.stop();
}, START_MS);

describe.skipIf(isMissing).concurrent("RabbitMQ's queue", () => {
  queueSuite(sideBySide, {
    async create() {
      const queue = name();
      const part = rabbitmqQueue({ connection, queue, maxReceives: 3 });
      return {
        queue: part,
        visibilityMs: null,
        unsendable: "x".repeat(1024 * 1024 + 1),
        close: () => part.close(),
      };
    },
  });
});

describe.skipIf(isMissing).concurrent("RabbitMQ's feed", () => {
  feedSuite(sideBySide, {
    async create() {
      const exchange = name();
      const [publisher, subscriber] = [1, 2].map(() => rabbitmqFeed({ connection, exchange }));
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

describe.skipIf(isMissing).concurrent("RabbitMQ's notifier", () => {
  notifierSuite(sideBySide, {
    async create() {
      const exchange = name();
      const channel = await model.createChannel();
      await channel.assertExchange(exchange, "topic", { durable: true });
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await channel.bindQueue(queue, exchange, "#");
      const delivered: string[] = [];
      const hear = (message: { properties: { messageId: unknown } } | null): void => {
        delivered.push(String(message?.properties.messageId));
      };
      await channel.consume(queue, hear, { noAck: true });
      const answers = answering(connectHere);
      const own = rabbitmqConnection(answers.connect);
      const notifier = rabbitmqNotifier({
        connection: own,
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
          await own.close();
          await channel.close();
        },
      };
    },
  });
});
