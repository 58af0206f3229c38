// What goes wrong between Waybill and a real broker, which all tests of this file share. Its consumer timeout is short.
import { connect } from "amqplib";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { reasonOf } from "../../src/adapters/rabbitmq/errors.js";
import type { Delivery, OutgoingMessage, Queue } from "../../src/core/ports/queue.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { PlainConsumer } from "../support/rabbitmq-plain-consumer.js";
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

/** Half of it is what a successor has to be confirmed in, with a rung of the ladder that is declared for it first. */
const CONSUMER_TIMEOUT_MS = 6_000;
const START_MS = 180_000;
/** How often the job of three consumer timeouts runs: `WAYBILL_RABBITMQ_LONG_JOBS=30` for a long look. */
const LONG_JOBS = Array.from(
  { length: Number(process.env["WAYBILL_RABBITMQ_LONG_JOBS"] ?? 1) },
  (_, at) => at,
);

/**
 * RabbitMQ 3.10 writes under which name a quorum queue keeps its log up to 3 s after it was declared; killed before that, it
 * begins the queue anew. So what is to outlast a kill is declared at the beginning of the file.
 */
const SETTLED_MS = 4_000;

let server: RabbitmqServer;
let lasting: Lasting;
const isMissing = rabbitmqMissing() !== null;

vi.setConfig({ maxConcurrency: 8 });

beforeAll(async () => {
  if (isMissing) return;
  server = await startRabbitmq({ consumerTimeoutMs: CONSUMER_TIMEOUT_MS });
  lasting = await declareLasting();
}, START_MS);

afterAll(async () => {
  if (isMissing) return;
  await lasting.end();
  await server.stop();
}, START_MS);

const duration = z.object({ ms: z.number() });

/** Counts what is ready, over a connection of its own. */
async function ready(queue: string): Promise<number> {
  const client = await server.client();
  const channel = await client.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await client.close();
  return messageCount;
}

describe.skipIf(isMissing).concurrent("what is held", () => {
  it.concurrent(
    "is not settled over another connection than the one it came from",
    async () => {
      const { proxy, link, end } = await proxied(server);
      const name = server.name();
      const queue = rabbitmqQueue({ connection: link, queue: name });
      await queue.send([message("a")]);
      await queue.send([message("b")]);
      const old: Delivery[] = [];
      await eventually("both", async () => {
        old.push(...(await receive(queue, 2 - old.length)));
        return old.length === 2 ? true : null;
      });
      proxy.cut();
      // The same delivery tags again, for the same messages on another channel.
      const held: Delivery[] = [];
      await eventually("both again", async () => {
        held.push(...(await receive(queue, 2 - held.length)));
        return held.length === 2 ? true : null;
      });
      for (const delivery of old) {
        await expect(delivery.ack()).rejects.toMatchObject({ code: "queue.unavailable" });
        await expect(delivery.release(0)).rejects.toMatchObject({ code: "queue.unavailable" });
        await expect(delivery.release(1_000)).rejects.toMatchObject({ code: "queue.unavailable" });
      }
      await queue.close();
      await eventually("both are back", async () => ((await ready(name)) === 2 ? true : null));
      await end();
    },
    PATIENCE_MS * 2,
  );

  it.concurrent.each(LONG_JOBS)(
    "outlasts three consumer timeouts: a job runs once, and so does one beside it (%i)",
    async () => {
      const { proxy, link, end } = await proxied(server);
      const queue = rabbitmqQueue({
        connection: link,
        queue: server.name(),
        consumerTimeoutMs: CONSUMER_TIMEOUT_MS,
      });
      const work = defineJob({ kind: "work", input: duration, leaseMs: 10_000 });
      const waybill = createWaybill({ jobs: [work], store: memoryStore(), queue });
      const runs: number[] = [];
      let begun: () => void = () => undefined;
      const isRunning = new Promise<void>((resolve) => (begun = resolve));
      const worker = waybill.worker([
        work.handle(async ({ input }) => {
          runs.push(input.ms);
          begun();
          await new Promise((resolve) => setTimeout(resolve, input.ms));
          return null;
        }),
      ]);
      const stop = new AbortController();
      const running = worker.run({ signal: stop.signal });
      const long = await waybill.submit(work, { ms: 3 * CONSUMER_TIMEOUT_MS }).unwrap();
      await isRunning;
      // Held while the broker would lose patience with the long one.
      await new Promise((resolve) => setTimeout(resolve, CONSUMER_TIMEOUT_MS - 500));
      const beside = await waybill.submit(work, { ms: 1_300 }).unwrap();
      for (const job of [beside, long]) await waybill.result(work, job.id, { timeoutMs: PATIENCE_MS });
      expect(runs).toEqual([3 * CONSUMER_TIMEOUT_MS, 1_300]);
      expect(proxy.channelsClosed).toEqual([]);
      stop.abort();
      await running;
      await waybill.close();
      await queue.close();
      await end();
    },
    PATIENCE_MS * 2,
  );
});

describe.skipIf(isMissing).concurrent("a worker that starts with queues that are not there yet", () => {
  it.concurrent("looks at its settings while it receives, and the broker closes no channel", async () => {
    const { proxy, link, end } = await proxied(server);
    const queue = rabbitmqQueue({ connection: link, queue: server.name() });
    const expected = { longestLeaseMs: 30_000, redispatchAfterMs: 60_000 };
    const [findings, received] = await Promise.all([queue.check?.(expected), receive(queue, 1, 0)]);
    expect([findings, received]).toEqual([[], []]);
    expect(proxy.channelsClosed).toEqual([]);
    expect(proxy.mostDeclaring).toBe(1);
    await queue.close();
    await end();
  });
});

describe.skipIf(isMissing).concurrent("a broker that lets nobody in", () => {
  it.concurrent.each([
    ["guest:s3cret@", "", "the broker refused the user or its password"],
    ["", "/nowhere", "there is no such virtual host, or the user may not use it or has too many connections"],
  ])("is said to: %s %s", async (user, host, reason) => {
    const url = `${server.url.replace("amqp://", `amqp://${user}`)}${host}`;
    expect(reasonOf(await connect(url).catch((error: unknown) => error))).toBe(reason);
  });
});

describe.skipIf(isMissing).concurrent("queues that somebody deletes", () => {
  it.concurrent(
    "are made again by what is sent, received and counted next, over the same connection",
    async () => {
      let connections = 0;
      const connection = rabbitmqConnection(() => {
        connections += 1;
        return connect(server.url);
      });
      const name = server.name();
      const queue = rabbitmqQueue({ connection, queue: name });
      const admin = await (await server.client()).createChannel();
      const sent = (body: string, delayMs: number) =>
        eventually(`${body} sent`, async () =>
          (await queue.send([message(body, delayMs)]))[0]?.status === "sent" ? true : null,
        );
      await sent("a", 100);
      await admin.deleteQueue(`${name}.delay.128`);
      await sent("b", 100);
      await admin.deleteQueue(name);
      await sent("c", 0);
      await admin.deleteQueue(name);
      await eventually("a receive", () => receive(queue, 1, 0));
      await admin.deleteQueue(name);
      await eventually("a count", () => queue.backlog!());
      await admin.checkQueue(name);
      expect(connections).toBe(1);
      await queue.close();
      await connection.close();
    },
    PATIENCE_MS * 2,
  );
});

describe.skipIf(isMissing).concurrent("a broker that runs short of memory", () => {
  it.concurrent(
    "gets nothing until it has some: what is sent is unknown, nothing hangs, and the connection stays",
    async () => {
      const { proxy, link, end } = await proxied(server, HASTY);
      const queue = rabbitmqQueue({ connection: link, queue: server.name() });
      const notifier = rabbitmqNotifier({ connection: link, exchange: server.name() });
      const feed = rabbitmqFeed({ connection: link, exchange: server.name() });
      const told = () => publishing(notifier, [sampleEvent("job-a", 1)]);
      const hint = { id: "a", kind: "k", version: 1, owner: null, subject: null };
      await feed.publish([hint]);
      expect(await told()).toEqual([{ status: "delivered" }]);
      expect(await queue.send([message("held")])).toEqual([{ status: "sent" }]);
      const held = await eventually("held", async () => (await receive(queue, 1))[0] ?? null);

      const closedBefore = [...proxy.channelsClosed];
      proxy.block();
      // Under way before the broker's word is heard: it may have been taken or not.
      const [underWay] = await queue.send([message("under way")]);
      expect(underWay?.status).toBe("unknown");
      const reason = "the broker is short of memory or disk and takes nothing now";
      expect(await queue.send([message("told")])).toEqual([{ status: "unknown", reason }]);
      expect(await told()).toEqual([{ status: "held", reason, afterMs: expect.any(Number) as number }]);
      await feed.publish([hint]);
      await expect(receive(queue, 1)).rejects.toMatchObject({ code: "queue.unavailable" });

      proxy.unblock();
      await eventually("sent", async () =>
        (await queue.send([message("after")]))[0]?.status === "sent" ? true : null,
      );
      expect(await told()).toEqual([{ status: "delivered" }]);
      // Of the connection that there was before.
      await held.ack();
      const left = new Set(["under way", "after"]);
      await eventually("the rest", async () => {
        for (const delivery of await receive(queue, 5)) {
          left.delete(delivery.body);
          await delivery.ack();
        }
        return left.size === 0 ? true : null;
      });
      expect(proxy.channelsClosed).toEqual(closedBefore);
      for (const part of [queue, notifier, feed]) await part.close?.();
      await end();
    },
    PATIENCE_MS * 2,
  );
});

describe.skipIf(isMissing)("a plain consumer of amqplib", () => {
  it("gets one copy of each change, in order, also where both routing keys lead to its queue", async () => {
    const connection = rabbitmqConnection(() => connect(server.url));
    const exchange = server.name();
    const all = new PlainConsumer(server, exchange, "document.status.*");
    const failures = new PlainConsumer(server, exchange, "*.status.failed");
    for (const consumer of [all, failures]) await consumer.start();
    const notifier = rabbitmqNotifier({ connection, exchange, format: "flat", name: () => "document" });
    const words = ["pending", "processing", "failed"];
    const events = words.map((word, place) => sampleEvent("job-a", place + 1, { word }));
    expect(await publishing(notifier, events)).toEqual(words.map(() => ({ status: "delivered" })));
    await eventually("all heard", async () =>
      all.bodies.length >= 3 && failures.bodies.length > 0 ? true : null,
    );
    expect(all.bodies.map(({ version, status }) => [version, status])).toEqual([
      [1, "pending"],
      [2, "processing"],
      [3, "failed"],
    ]);
    expect(failures.bodies.map(({ version }) => version)).toEqual([3]);
    for (const consumer of [all, failures]) await consumer.stop();
    await notifier.close?.();
    await connection.close();
  });

  it("misses nothing that was told while it was away, and gets each of it once", async () => {
    const connection = rabbitmqConnection(() => connect(server.url));
    const exchange = server.name();
    const consumer = new PlainConsumer(server, exchange, "document.status.updated");
    await consumer.start();
    const notifier = rabbitmqNotifier({ connection, exchange, format: "flat", name: () => "document" });
    const tell = async (...versions: readonly number[]): Promise<void> => {
      const events = versions.map((version) => sampleEvent("job-a", version));
      expect(await publishing(notifier, events)).toEqual(versions.map(() => ({ status: "delivered" })));
    };
    await tell(1, 2);
    await eventually("heard", async () => (consumer.bodies.length >= 2 ? true : null));
    await consumer.leave();
    await tell(3, 4, 5);
    await consumer.comeBack();
    await tell(6);
    await eventually("all heard", async () =>
      consumer.bodies.some(({ version }) => version === 6) ? true : null,
    );
    expect(consumer.bodies.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6]);
    await consumer.stop();
    await notifier.close?.();
    await connection.close();
  });
});

describe.skipIf(isMissing)("a broker that is killed and comes back", () => {
  it(
    "loses no message and no event, and nothing is told out of order",
    async () => {
      const MESSAGES = 200;
      const JOBS = 20;
      const VERSIONS = 10;
      const { queue, notifier, consumer, declaredAt } = lasting;
      await new Promise((resolve) => setTimeout(resolve, declaredAt + SETTLED_MS - Date.now()));
      const received = new Set<string>();

      const sending = inTurn(MESSAGES / 10, async (turn) => {
        const batch = Array.from({ length: 10 }, (_, place) => message(`m-${String(turn)}-${String(place)}`));
        let left: OutgoingMessage[] = batch;
        while (left.length > 0) {
          const results = await queue.send(left);
          left = left.filter((_, place) => results[place]?.status !== "sent");
        }
      });
      const receiving = untilAll(MESSAGES, received, async () => {
        for (const delivery of await receive(queue, 10, 1_000)) {
          await delivery.ack();
          received.add(delivery.body);
        }
      });
      const telling = inTurn(VERSIONS, async (turn) => {
        let left = Array.from({ length: JOBS }, (_, job) => sampleEvent(`job-${String(job)}`, turn + 1));
        while (left.length > 0) {
          const results = await publishing(notifier, left);
          left = left.filter((_, place) => results[place]?.status !== "delivered");
        }
      });
      await eventually("half-way", async () => (received.size >= 40 ? true : null));
      await server.kill();
      await server.start();
      await Promise.all([sending, receiving, telling]);
      const seen = new Map<string, number[]>();
      await eventually("every event", async () => {
        seen.clear();
        for (const { job_id, version } of consumer.bodies) {
          const versions = seen.get(job_id) ?? [];
          // A repetition is allowed; what counts is when it was seen first.
          if (!versions.includes(version)) seen.set(job_id, [...versions, version]);
        }
        const count = [...seen.values()].reduce((sum, versions) => sum + versions.length, 0);
        return count === JOBS * VERSIONS ? true : null;
      });
      for (const versions of seen.values()) expect(versions).toEqual([...versions].sort((a, b) => a - b));
    },
    START_MS * 2,
  );
});

async function inTurn(count: number, work: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await work(turn);
}

async function untilAll(count: number, done: ReadonlySet<string>, work: () => Promise<void>): Promise<void> {
  // A receive that fails is tried again, after a moment, as a worker does.
  while (done.size < count) await work().catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
}

interface Lasting {
  readonly queue: Queue;
  readonly notifier: Notifier;
  readonly consumer: PlainConsumer;
  readonly declaredAt: number;
  end(): Promise<void>;
}

async function declareLasting(): Promise<Lasting> {
  const connection = rabbitmqConnection(() => connect(server.url));
  const exchange = server.name();
  const consumer = new PlainConsumer(server, exchange, "document.status.updated");
  await consumer.start();
  const queue = rabbitmqQueue({ connection, queue: server.name(), maxReceives: 100 });
  await receive(queue, 1, 0);
  const notifier = rabbitmqNotifier({ connection, exchange, format: "flat", name: () => "document" });
  return {
    queue,
    notifier,
    consumer,
    declaredAt: Date.now(),
    async end() {
      await consumer.stop();
      await queue.close();
      await notifier.close?.();
      await connection.close();
    },
  };
}
