import { afterEach, describe, expect, it } from "vitest";
import type { Delivery } from "../../src/core/ports/queue.js";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import {
  networkSettles,
  outgoing,
  sqsBench,
  type SqsBench,
  type SqsBenchOptions,
} from "../doubles/sqs/bench.js";
import { DENIED, THROTTLED, type Fault } from "../doubles/sqs/faults.js";

const HOUR_MS = 3_600_000;

let bench: SqsBench;
let clock: FakeClock;

/** A queue with messages, which has read its attributes already. */
async function open(options: SqsBenchOptions = {}, ...bodies: string[]): Promise<SqsBench> {
  clock = fakeClock();
  bench = await sqsBench({ clock, client: { maxAttempts: 1 }, ...options });
  await bench.queue.backlog();
  for (const body of bodies) await bench.queue.send([outgoing(body)]);
  bench.sqs.requests.clear();
  return bench;
}

afterEach(() => bench.close());

function receive(max = 10, waitMs = 0, signal = new AbortController().signal): Promise<readonly Delivery[]> {
  return bench.queue.receive({ max, waitMs, signal });
}

function bodiesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ body }) => body);
}

const letters = (count: number): string[] => Array.from({ length: count }, (_, place) => `m${place}`);

async function advance(ms: number): Promise<void> {
  await clock.advance(ms);
  await networkSettles();
}

describe("requests of a standard queue", () => {
  it("takes up to ten messages in one request", async () => {
    const { sqs } = await open({}, ...letters(12));
    expect(await receive()).toHaveLength(10);
    expect(sqs.requests.count("ReceiveMessage")).toBe(1);
    expect(sqs.requests.of("ReceiveMessage")[0]?.input).toMatchObject({ MaxNumberOfMessages: 10 });
  });

  it("waits in whole seconds, at most 20 in a request", async () => {
    const { sqs } = await open({}, ...letters(4));
    for (const waitMs of [0, 300, 20_000, 60_000]) await receive(1, waitMs);
    const waits = sqs.requests.of("ReceiveMessage").map(({ input }) => input["WaitTimeSeconds"]);
    expect(waits).toEqual([0, 1, 20, 20]);
  });

  it("hides for as long as the queue says, or as it is told", async () => {
    const { sqs } = await open({}, "a");
    await receive();
    expect(sqs.requests.of("ReceiveMessage")[0]?.input).not.toHaveProperty("VisibilityTimeout");
    await bench.close();
    await open({ queue: { visibilityMs: 90_000 } }, "a");
    await receive();
    expect(bench.sqs.requests.of("ReceiveMessage")[0]?.input).toMatchObject({ VisibilityTimeout: 90 });
  });
});

describe("requests of a FIFO queue", () => {
  it("asks for one message at a time, several times at once, as long as there are some", async () => {
    const { sqs } = await open({ fifo: true }, ...letters(20));
    // 1, 1, 2, 4 and 2 at once.
    expect(await receive()).toHaveLength(10);
    expect(sqs.requests.count("ReceiveMessage")).toBe(10);
    // All at once, at the pace of before.
    expect(await receive()).toHaveLength(10);
    expect(sqs.requests.count("ReceiveMessage")).toBe(20);
    for (const { input } of sqs.requests.of("ReceiveMessage"))
      expect(input).toMatchObject({ MaxNumberOfMessages: 1 });
  });

  it("asks an idle queue with one request a wait", async () => {
    const { sqs } = await open({ fifo: true });
    const receiving = receive(10, 20_000);
    await networkSettles();
    await clock.runUntil(receiving);
    expect(await receiving).toEqual([]);
    expect(sqs.requests.count("ReceiveMessage")).toBe(1);
  });

  it("asks twice for a message that is alone", async () => {
    const { sqs } = await open({ fifo: true }, "a");
    expect(await receive(10, 20_000)).toHaveLength(1);
    expect(sqs.requests.count("ReceiveMessage")).toBe(2);
  });

  it("waits when a whole burst of requests found nothing", async () => {
    const { sqs } = await open({ fifo: true }, ...letters(4));
    for (const delivery of await receive()) await delivery.ack();
    sqs.requests.clear();
    const receiving = receive(10, 20_000);
    await expect.poll(() => sqs.requests.count("ReceiveMessage"), { timeout: 20_000 }).toBe(5);
    await bench.queue.send([outgoing("late")]);
    expect(bodiesOf(await receiving)).toEqual(["late"]);
    expect(sqs.requests.of("ReceiveMessage").map(({ input }) => input["WaitTimeSeconds"])).toEqual([
      ...[0, 0, 0, 0, 20, 0],
    ]);
  });

  it("returns what has come, whatever became of the other requests", async () => {
    const { sqs } = await open({ fifo: true }, ...letters(6));
    for (const delivery of await receive(4)) await delivery.release(0);
    sqs.faults.next("ReceiveMessage", THROTTLED);
    sqs.faults.next("ReceiveMessage", { kind: "hang" });
    const receiving = receive(4);
    await expect.poll(() => sqs.requests.count("ReceiveMessage"), { timeout: 20_000 }).toBe(8);
    await networkSettles();
    // The one that hangs is given up after 2 s.
    expect(await clock.runUntil(receiving)).toHaveLength(2);
  });

  it("listens to a signal once, however many requests it ends", async () => {
    await open({ fifo: true }, ...letters(10));
    const { signal } = new AbortController();
    let listening = 0;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>): void => {
      listening += 1;
      add(...args);
    };
    expect(await receive(10, 0, signal)).toHaveLength(10);
    expect(await receive(10, 0, signal)).toHaveLength(0);
    expect(listening).toBe(2);
  });

  it("rejects when every request failed", async () => {
    const { sqs } = await open({ fifo: true }, ...letters(4));
    await receive(4);
    sqs.faults.always("ReceiveMessage", DENIED);
    await expect(receive(4)).rejects.toMatchObject({ code: "queue.unavailable" });
  });
});

describe("a receive that goes wrong", () => {
  it.each<[string, Fault, string]>([
    ["refused", DENIED, "Messages could not be received: SQS refused it (AccessDenied)."],
    ["throttled", THROTTLED, "Messages could not be received: SQS refused it (RequestThrottled)."],
    [
      "lost before",
      { kind: "lost_before" },
      "Messages could not be received: SQS could not be reached (ECONNRESET).",
    ],
    [
      "lost after",
      { kind: "lost_after" },
      "Messages could not be received: SQS could not be reached (ECONNRESET).",
    ],
  ])("rejects when it is %s, and the message comes again", async (_, fault, sentence) => {
    const { sqs } = await open({}, "a");
    sqs.faults.next("ReceiveMessage", fault);
    await expect(receive()).rejects.toThrow(sentence);
    await advance(30_000);
    expect(bodiesOf(await receive())).toEqual(["a"]);
  });

  it("is given up 10 s after its wait when no answer comes", async () => {
    const { sqs } = await open({}, "a");
    sqs.faults.next("ReceiveMessage", { kind: "hang" });
    const start = clock.now();
    const failure = receive(1, 20_000).then(String, String);
    await networkSettles();
    expect(await clock.runUntil(failure)).toContain("SQS did not answer in time");
    expect(clock.now() - start).toBe(30_000);
    expect(bodiesOf(await receive())).toEqual(["a"]);
  });

  it("is not cut short by the client's own limit for an answer", async () => {
    const { client } = await open({}, "a", "b", "c");
    const limits: unknown[] = [];
    const send = client.send.bind(client) as (...given: unknown[]) => unknown;
    client.send = ((command: unknown, options: { readonly requestTimeout?: number }) => {
      limits.push(options.requestTimeout);
      return send(command, options);
    }) as never;
    for (const waitMs of [20_000, 1, 0]) await receive(1, waitMs);
    expect(limits).toEqual([30_000, 11_000, undefined]);
  });

  it("gives back what a poll catches after it was given up, once", async () => {
    const { sqs } = await open();
    const abort = new AbortController();
    const receiving = receive(10, 20_000, abort.signal);
    await expect.poll(() => sqs.requests.count("ReceiveMessage"), { timeout: 20_000 }).toBe(1);
    abort.abort();
    expect(await receiving).toEqual([]);
    await bench.queue.send([outgoing("a"), outgoing("b")]);
    await expect
      .poll(() => sqs.requests.of("ChangeMessageVisibilityBatch").length, { timeout: 20_000 })
      .toBe(1);
    const [{ input } = { input: {} }] = sqs.requests.of("ChangeMessageVisibilityBatch");
    expect(input).toMatchObject({ Entries: [{ VisibilityTimeout: 0 }, { VisibilityTimeout: 0 }] });
    await expect.poll(() => sqs.counts(bench.name).visible, { timeout: 20_000 }).toBe(2);
  });

  it("is refused for a batch of the wrong size, also of dead letters", async () => {
    const { queue } = await open({ maxReceiveCount: 5 });
    const request = { waitMs: 0, signal: new AbortController().signal };
    for (const max of [0, 11]) {
      await expect(queue.receive({ ...request, max })).rejects.toMatchObject({ code: "config.invalid" });
      await expect(queue.deadLetters?.receive({ ...request, max })).rejects.toMatchObject({
        code: "config.invalid",
      });
    }
    await queue.close();
    await expect(queue.deadLetters?.receive({ ...request, max: 1 })).rejects.toMatchObject({
      code: "waybill.closed",
    });
    await expect(queue.backlog()).rejects.toMatchObject({ code: "waybill.closed" });
  });
});

describe("settling", () => {
  it("removes ten messages that end in one turn with one request, and eleven with two", async () => {
    const { sqs, name } = await open({}, ...letters(21));
    await Promise.all((await receive()).map((delivery) => delivery.ack()));
    expect(sqs.requests.count("DeleteMessageBatch")).toBe(1);
    const eleven = [...(await receive()), ...(await receive())];
    await Promise.all(eleven.map((delivery) => delivery.ack()));
    expect(sqs.requests.count("DeleteMessageBatch")).toBe(3);
    expect(sqs.counts(name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it("extends ten messages of one turn with one request, each by its own time", async () => {
    const { sqs } = await open({}, ...letters(10));
    const deliveries = await receive();
    await Promise.all(deliveries.map((delivery, place) => delivery.extend(30_001 + place * 1_000)));
    const requests = sqs.requests.of("ChangeMessageVisibilityBatch");
    expect(requests).toHaveLength(1);
    const entries = requests[0]?.input["Entries"] as { VisibilityTimeout: number }[];
    expect(entries.map(({ VisibilityTimeout }) => VisibilityTimeout)).toEqual(
      letters(10).map((_, place) => 31 + place),
    );
  });

  it("rejects for the one message that was not removed, and for no other", async () => {
    const { sqs } = await open({}, ...letters(3));
    const deliveries = await receive();
    sqs.faults.next("DeleteMessageBatch", { kind: "fail_entries", places: [1], code: "InternalError" });
    const ends = await Promise.allSettled(deliveries.map((delivery) => delivery.ack()));
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(ends[1]).toMatchObject({
      reason: {
        code: "queue.unavailable",
        message: expect.stringContaining("A message could not be deleted: SQS refused it (InternalError)."),
      },
    });
    await advance(30_000);
    expect(bodiesOf(await receive())).toEqual(["m1"]);
  });

  it("rejects for a message that the answer does not tell of", async () => {
    const { sqs } = await open({}, ...letters(2));
    const deliveries = await receive();
    sqs.faults.next("ChangeMessageVisibilityBatch", { kind: "forget_entries", places: [0] });
    const ends = await Promise.allSettled(deliveries.map((delivery) => delivery.extend(60_000)));
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });

  it.each<[string, Fault]>([
    ["refused", DENIED],
    ["lost before", { kind: "lost_before" }],
    ["lost after", { kind: "lost_after" }],
    ["hung", { kind: "hang" }],
  ])("rejects when the request is %s, and ends", async (_, fault) => {
    const { sqs } = await open({}, "a", "b", "c");
    const [first, second, third] = await receive();
    sqs.faults.always("*", fault);
    const ends = Promise.allSettled([first!.ack(), second!.release(5_000), third!.extend(60_000)]);
    await networkSettles();
    expect((await clock.runUntil(ends)).map(({ status }) => status)).toEqual(
      Array.from({ length: 3 }, () => "rejected"),
    );
  });

  it("rejects an acknowledgement by a receipt that is stale, on a FIFO queue", async () => {
    const { sqs } = await open({ fifo: true }, "a");
    sqs.faults.next("ReceiveMessage", { kind: "stale_receipts" });
    const [delivery] = await receive(1);
    await expect(delivery!.ack()).rejects.toThrow("SQS refused it (InvalidParameterValue)");
  });

  it("settles once", async () => {
    const { sqs } = await open({}, "a");
    const [delivery] = await receive();
    await delivery!.release(5_000);
    await delivery!.ack();
    await delivery!.release(0);
    await delivery!.extend(60_000);
    expect(sqs.requests.count("DeleteMessageBatch")).toBe(0);
    expect(sqs.requests.count("ChangeMessageVisibilityBatch")).toBe(1);
  });

  it("sends nothing of a visibility that has ended already", async () => {
    const { sqs } = await open({}, "a", "b");
    const [first, second] = await receive();
    await advance(30_000);
    await first!.release(0);
    await second!.extend(60_000);
    expect(sqs.requests.count("ChangeMessageVisibilityBatch")).toBe(0);
  });
});

describe("the twelve hours", () => {
  it("extends to their end and no further, and the message comes again", async () => {
    const { sqs } = await open({ attributes: { VisibilityTimeout: "3600" } }, "a");
    const [delivery] = await receive();
    for (let hour = 0; hour < 12; hour += 1) {
      await advance(HOUR_MS - 60_000);
      await delivery!.extend(HOUR_MS);
    }
    await advance(11 * 60_000);
    // The twelfth hour is 10 s short: SQS counts from before its answer was here.
    await delivery!.extend(HOUR_MS);
    const extended = sqs.requests.of("ChangeMessageVisibilityBatch").length;
    expect(await receive()).toEqual([]);
    await advance(60_000);
    await delivery!.extend(HOUR_MS);
    expect(sqs.requests.of("ChangeMessageVisibilityBatch")).toHaveLength(extended);
    const [again] = await receive();
    expect([again?.body, again?.receives]).toEqual(["a", 2]);
    // Its own twelve hours.
    await again!.extend(11 * HOUR_MS);
  });

  it("releases within them, however late the message is to come again", async () => {
    await open({ attributes: { VisibilityTimeout: "43200" } }, "a");
    const [delivery] = await receive();
    await advance(11 * HOUR_MS);
    await delivery!.release(5 * HOUR_MS);
    await advance(HOUR_MS - 11_000);
    expect(await receive()).toEqual([]);
    await advance(1_000);
    expect(bodiesOf(await receive())).toEqual(["a"]);
  });
});

describe("what is read of the queue", () => {
  it("is there after the first receive", async () => {
    bench = await sqsBench({ maxReceiveCount: 7, attributes: { VisibilityTimeout: "90" } });
    expect(bench.queue.capabilities).toMatchObject({ maxReceives: null, visibilityMs: 30_000 });
    await receive();
    await expect.poll(() => bench.queue.capabilities.maxReceives, { timeout: 20_000 }).toBe(7);
    expect(bench.queue.capabilities.visibilityMs).toBe(90_000);
    await receive();
    await receive();
    expect(bench.sqs.requests.count("GetQueueAttributes")).toBe(1);
  });

  it("is not asked for where all is given", async () => {
    bench = await sqsBench({ queue: { maxReceives: 5, visibilityMs: 60_000 } });
    await receive();
    await receive();
    expect(bench.sqs.requests.count("GetQueueAttributes")).toBe(0);
    expect(bench.queue.capabilities).toMatchObject({ maxReceives: 5, visibilityMs: 60_000 });
  });

  it("keeps nobody waiting, and is asked for once where that is not permitted", async () => {
    await (await sqsBench()).close();
    bench = await sqsBench({ maxReceiveCount: 7, client: { maxAttempts: 1 } });
    await bench.queue.send([outgoing("a"), outgoing("b")]);
    bench.sqs.faults.always("GetQueueAttributes", DENIED);
    expect(await receive(1)).toHaveLength(1);
    await expect.poll(() => bench.sqs.requests.answered, { timeout: 20_000 }).toBe(3);
    await networkSettles();
    expect(await receive(1)).toHaveLength(1);
    expect(bench.sqs.requests.count("GetQueueAttributes")).toBe(1);
    expect(bench.queue.capabilities).toMatchObject({ maxReceives: null, visibilityMs: 30_000 });
  });

  it("follows the queue with each backlog", async () => {
    const { sqs, name } = await open({ maxReceiveCount: 7 }, "a", "b");
    await receive(1);
    expect(await bench.queue.backlog()).toBe(2);
    sqs.setAttributes(name, { VisibilityTimeout: "120" });
    await bench.queue.backlog();
    expect(bench.queue.capabilities).toMatchObject({ maxReceives: 7, visibilityMs: 120_000 });
  });

  it("rejects a backlog that cannot be read", async () => {
    const { sqs } = await open();
    sqs.faults.always("GetQueueAttributes", DENIED);
    await expect(bench.queue.backlog()).rejects.toMatchObject({ code: "queue.unavailable" });
  });
});
