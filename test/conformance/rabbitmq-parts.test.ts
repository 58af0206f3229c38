// The three ports on a real broker, which all tests of this file share; they run side by side. `WAYBILL_RABBITMQ_URL` names
// another one, such as a RabbitMQ 4.
import { type ChannelModel, connect } from "amqplib";
import { createWaybill, defineJob, memoryQueue } from "waybill";
import { dynamodbStore } from "waybill/dynamodb";
import { sqliteStore } from "waybill/sqlite";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { FeedHint } from "../../src/core/ports/feed.js";
import type { Delivery, Queue } from "../../src/core/ports/queue.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { queueSuite } from "../../src/testing/queue-suite/queue-suite.js";
import type { SuiteRunner } from "../../src/testing/suite-runner.js";
import { dynamoDb } from "../integration/dynamodb-server.js";
import { openDatabase, temporaryFile } from "../integration/sqlite-driver.js";
import { answering } from "../support/rabbitmq-answers.js";
import { type RabbitmqServer, rabbitmqMissing, startRabbitmq } from "../support/rabbitmq-server.js";

const elsewhere = process.env["WAYBILL_RABBITMQ_URL"];
const isMissing = elsewhere === undefined && rabbitmqMissing() !== null;
const START_MS = 180_000;

const dynamo = dynamoDb();
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
    skip: [
      {
        test: "backlog > counts what waits and what is held, until it is acknowledged",
        reason: "AMQP tells what waits, and not what is held unacknowledged: the count is a lower bound",
      },
    ],
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

async function receiveOne(from: Pick<Queue, "receive">): Promise<Delivery> {
  const [delivery] = await from.receive({ max: 1, waitMs: 10_000, signal: new AbortController().signal });
  expect(delivery).toBeDefined();
  return delivery!;
}

const expected = { longestLeaseMs: 30_000, redispatchAfterMs: 60_000 };

describe.skipIf(isMissing).concurrent("RabbitMQ's queue beside the suite", () => {
  it.concurrent("counts receives through successors, and keeps the limit with them", async () => {
    const queue = rabbitmqQueue({ connection, queue: name(), maxReceives: 3 });
    await queue.send([{ body: "a", delayMs: 0, dedupId: "a", groupId: "group of a" }]);
    const sentAt = new Set<number | null>();
    for (const receives of [1, 2, 3]) {
      const delivery = await receiveOne(queue);
      expect([delivery.receives, delivery.groupId]).toEqual([receives, "group of a"]);
      sentAt.add(delivery.sentAt);
      await delivery.release(100);
    }
    expect(sentAt.size).toBe(1);
    const letter = await receiveOne(queue.deadLetters!);
    expect(letter.body).toBe("a");
    await letter.ack();
    await queue.close();
  });

  it.concurrent("counts what waits and what is delayed", async () => {
    const queue = rabbitmqQueue({ connection, queue: name() });
    const message = (body: string, delayMs: number) => ({ body, delayMs, dedupId: body, groupId: body });
    await queue.send([message("now", 0), message("later", 60_000)]);
    expect(await queue.backlog?.()).toBe(2);
    await queue.close();
  });

  it.concurrent("finds nothing amiss where it declares its queues itself", async () => {
    const queue = rabbitmqQueue({ connection, queue: name() });
    expect(await queue.check?.(expected)).toEqual([]);
    await queue.close();
  });

  it.concurrent("finds what is missing, and what is declared otherwise", async () => {
    const named = name();
    const codesOf = async (options: { maxReceives?: number; declare?: boolean }): Promise<string[]> => {
      const queue = rabbitmqQueue({ connection, queue: named, ...options });
      const findings = (await queue.check?.(expected)) ?? [];
      await queue.close();
      return findings.map(({ code }) => code);
    };
    expect(await codesOf({ declare: false })).toEqual([
      "rabbitmq.queue_missing",
      "rabbitmq.queue_missing",
      "rabbitmq.ladder_missing",
    ]);
    expect(await codesOf({ maxReceives: 3 })).toEqual(["rabbitmq.max_receives_low"]);
    expect(await codesOf({ maxReceives: 10 })).toEqual(["rabbitmq.queue_differs"]);
  });

  it.concurrent("says that a message for a missing queue is unknown, never sent", async () => {
    const queue = rabbitmqQueue({ connection, queue: name(), declare: false });
    expect(await queue.send([{ body: "a", delayMs: 0, dedupId: "a", groupId: "a" }])).toEqual([
      { status: "unknown", reason: "no queue takes it: it is missing" },
    ]);
    await queue.close();
  });
});

describe.skipIf(isMissing).concurrent("RabbitMQ's feed beside the suite", () => {
  it.concurrent("listens again after its connection was lost, and tells of the gap", async () => {
    const exchange = name();
    const models: ChannelModel[] = [];
    const own = rabbitmqConnection(async () => {
      models.push(await connectHere());
      return models.at(-1)!;
    });
    const publisher = rabbitmqFeed({ connection, exchange });
    const subscriber = rabbitmqFeed({ connection: own, exchange });
    const heard: string[] = [];
    const gap = new Promise<void>((resolve) => {
      void subscriber
        .subscribe((hint) => heard.push(hint.id), { onGap: resolve })
        .then(async () => {
          await models[0]!.close();
        });
    });
    await gap;
    await publisher.publish([{ id: "after", kind: "k", version: 1, owner: null, subject: null }]);
    await vi.waitFor(() => {
      expect(heard).toEqual(["after"]);
    }, 10_000);
    expect(models).toHaveLength(2);
    await subscriber.close();
    await own.close();
    await publisher.close();
  });
});

/** Stores that tell nobody of their changes, each with what ends it. */
const SILENT_STORES: Readonly<Record<string, () => Promise<{ store: AnyStore; end(): void }>>> = {
  SQLite: async () => {
    const file = temporaryFile();
    const db = openDatabase(file.path);
    return {
      store: sqliteStore({ db }),
      end() {
        db.close();
        file.remove();
      },
    };
  },
  DynamoDB: async () => {
    const engine = await dynamo();
    return { store: dynamodbStore({ client: engine.client(), table: await engine.table() }), end() {} };
  },
};

describe.skipIf(isMissing).concurrent("RabbitMQ's feed beside a store that has none", () => {
  it.concurrent.each(Object.keys(SILENT_STORES))(
    "%s: another process follows a job to its end by hints alone, and hears its kind, owner and subject",
    async (named) => {
      const exchange = name();
      const { store, end } = await SILENT_STORES[named]!();
      const feeds = [1, 2].map(() => rabbitmqFeed({ connection, exchange }));
      const work = defineJob({ kind: "work", input: z.object({}), output: z.null() });
      // Looked at again after an hour: what is seen sooner was told.
      const common = {
        jobs: [work],
        store,
        queue: memoryQueue(),
        policy: { watchEveryMs: 3_600_000 },
      } as const;
      const [web, back] = feeds.map((feed) => createWaybill({ ...common, feed }));
      const heard: FeedHint[] = [];
      await feeds[1]!.subscribe((hint) => heard.push(hint));
      const job = await web!.submit(work, {}, { owner: "ana", subject: "plan:1" }).unwrap();
      const result = web!.result(work, job.id);
      const worker = back!.worker([work.handle(async () => null)], { reconcile: false });
      const running = worker.run();
      expect(await result).toBeNull();
      await worker.stop();
      await running;
      // Of the submit, which this process had no part in.
      await vi.waitFor(() => {
        const { id, version } = job;
        const hint = { id, version, kind: "work", owner: "ana", subject: "plan:1" };
        expect(heard).toContainEqual(expect.objectContaining(hint));
      }, 10_000);
      for (const waybill of [web, back]) await waybill!.close();
      for (const feed of feeds) await feed.close();
      end();
    },
    60_000,
  );
});

describe.skipIf(isMissing).concurrent("RabbitMQ's notifier beside the suite", () => {
  it.concurrent("says retry where the broker refuses, and delivers once it takes it", async () => {
    const exchange = name();
    const channel = await model.createChannel();
    await channel.assertExchange(exchange, "topic", { durable: true });
    const { queue } = await channel.assertQueue("", {
      exclusive: true,
      arguments: { "x-max-length": 1, "x-overflow": "reject-publish" },
    });
    await channel.bindQueue(queue, exchange, "#");
    const notifier = rabbitmqNotifier({ connection, exchange });
    const context = { signal: new AbortController().signal, view: async () => null };
    const publish = (version: number) => notifier.publish([sampleEvent("job-a", version)], context);
    let version = 0;
    let result = await publish((version += 1));
    while (result[0]?.status === "delivered" && version < 10) result = await publish((version += 1));
    expect(result).toEqual([
      { status: "retry", reason: "the broker refused it: the queue is full or without a majority" },
    ]);
    await channel.purgeQueue(queue);
    expect(await publish(version)).toEqual([{ status: "delivered" }]);
    await notifier.close?.();
    await channel.close();
  });
});
