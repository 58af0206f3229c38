import { afterEach, describe, expect, it } from "vitest";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { CREDENTIALS, networkSettles, outgoing, sqsBench, type SqsBench } from "../doubles/sqs/bench.js";
import { DENIED, THROTTLED, type Fault } from "../doubles/sqs/faults.js";

/** What the client does not try again by itself: the adapter hears of the first answer. */
const ONE_TRY = { client: { maxAttempts: 1 } };

let bench: SqsBench;

async function open(options: Parameters<typeof sqsBench>[0] = {}): Promise<SqsBench> {
  bench = await sqsBench({ ...ONE_TRY, ...options });
  return bench;
}

afterEach(() => bench.close());

async function statuses(...bodies: string[]): Promise<string[]> {
  return (await bench.queue.send(bodies.map((body) => outgoing(body)))).map(({ status }) => status);
}

function sentEntries(): Record<string, unknown>[] {
  return bench.sqs.requests.of("SendMessageBatch").flatMap(({ input }) => input["Entries"]) as never;
}

describe("sending to SQS", () => {
  it("accounts for each message of a batch by itself", async () => {
    const { sqs } = await open();
    sqs.faults.next("SendMessageBatch", { kind: "fail_entries", places: [1], code: "InternalError" });
    expect(await bench.queue.send(["a", "b", "c"].map((body) => outgoing(body)))).toEqual([
      { status: "sent" },
      { status: "unknown", reason: "SQS did not take the message (InternalError)" },
      { status: "sent" },
    ]);
  });

  it("is in doubt of a message that is in neither list", async () => {
    const { sqs, name } = await open();
    sqs.faults.next("SendMessageBatch", { kind: "forget_entries", places: [0, 2] });
    expect(await statuses("a", "b", "c")).toEqual(["unknown", "sent", "unknown"]);
    expect(sqs.counts(name).visible).toBe(3);
  });

  it("rejects a message for its characters or its size, and sends the others", async () => {
    await open({ attributes: { MaximumMessageSize: "1024" } });
    const results = await bench.queue.send(
      ["a", "b\u0000", "c".repeat(1_025), "d"].map((body) => outgoing(body)),
    );
    expect(results).toEqual([
      { status: "sent" },
      { status: "rejected", reason: "SQS cannot hold the message (InvalidMessageContents)" },
      { status: "rejected", reason: "SQS cannot hold the message (InvalidParameterValue)" },
      { status: "sent" },
    ]);
  });

  it("divides a batch that is too long as a whole, and rejects what is too long by itself", async () => {
    await open();
    expect(await statuses("a", "x".repeat(1_048_577), "b")).toEqual(["sent", "rejected", "sent"]);
  });

  it("finds the one message for which a batch is refused as a whole", async () => {
    const { sqs } = await open();
    const refused: Fault = { kind: "refuse", code: "InvalidMessageContents" };
    // The batch of three, its first half, and of that the first message.
    sqs.faults.next("SendMessageBatch", refused, 2);
    expect((await statuses("a", "b", "c")).sort()).toEqual(["sent", "sent", "sent"]);
    sqs.faults.next("SendMessageBatch", refused);
    expect(await statuses("alone")).toEqual(["rejected"]);
  });

  it("rounds delays up to whole seconds, at most 900, and always says them", async () => {
    await open({ attributes: { DelaySeconds: "60" } });
    await bench.queue.send(
      [0, 1, 1_000, 1_001, 899_001, 2_000_000, -5].map((delayMs) => outgoing("a", { delayMs })),
    );
    expect(sentEntries().map(({ DelaySeconds }) => DelaySeconds)).toEqual([0, 1, 1, 2, 900, 900, 0]);
    expect(sentEntries()[0]).not.toHaveProperty("MessageGroupId");
  });

  it("sends to a FIFO queue without a delay, with its ids as they are where legal, else hashed", async () => {
    await open({ fifo: true });
    const legal = "a:1!\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~";
    const [long, longer] = ["g".repeat(128), "g".repeat(129)];
    await bench.queue.send([
      outgoing("1", { groupId: legal, dedupId: long }),
      outgoing("2", { groupId: "Zürich 東京", dedupId: longer }),
      outgoing("3", { groupId: "Zürich 東京", dedupId: "\ud83d" }),
      outgoing("4", { groupId: " ", dedupId: "\ud83e" }),
    ]);
    const entries = sentEntries();
    expect(entries.every((entry) => !("DelaySeconds" in entry))).toBe(true);
    expect(entries[0]).toMatchObject({ MessageGroupId: legal, MessageDeduplicationId: long });
    const ids = (name: string) => entries.map((entry) => entry[name] as string);
    const [, zurich, again, space] = ids("MessageGroupId");
    expect(zurich).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toBe(zurich);
    expect(space).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(ids("MessageDeduplicationId")).size).toBe(4);
  });
});

describe("a send that goes wrong", () => {
  // What is amiss with the sender or with the queue is never the fault of a message.
  it.each<[string, Fault, string]>([
    ["a permission that is missing", DENIED, "SQS refused it (AccessDenied)"],
    [
      "a queue that is missing",
      { kind: "refuse", code: "QueueDoesNotExist" },
      "SQS refused it (QueueDoesNotExist)",
    ],
    ["throttling", THROTTLED, "SQS refused it (RequestThrottled)"],
    [
      "a key that may not be used",
      { kind: "refuse", code: "KmsAccessDenied" },
      "SQS refused it (KmsAccessDenied)",
    ],
    [
      "a token that has expired",
      { kind: "refuse", code: "ExpiredToken", status: 403 },
      "SQS refused it (ExpiredToken)",
    ],
    [
      "a parameter that is refused",
      { kind: "refuse", code: "InvalidParameterValue" },
      "SQS refused it (InvalidParameterValue)",
    ],
    [
      "a fault of SQS",
      { kind: "refuse", code: "InternalError", status: 500 },
      "SQS refused it (InternalError)",
    ],
    ["a request that is lost", { kind: "lost_before" }, "SQS could not be reached (ECONNRESET)"],
    ["an answer that is lost", { kind: "lost_after" }, "SQS could not be reached (ECONNRESET)"],
  ])("is in doubt: %s", async (_, fault, reason) => {
    const { sqs } = await open();
    sqs.faults.next("SendMessageBatch", fault);
    expect(await bench.queue.send([outgoing("a"), outgoing("b")])).toEqual([
      { status: "unknown", reason },
      { status: "unknown", reason },
    ]);
    expect(await statuses("a", "b")).toEqual(["sent", "sent"]);
  });

  it("loses nothing that was accepted: the answer is lost, the message is there", async () => {
    const { sqs, name } = await open();
    sqs.faults.next("SendMessageBatch", { kind: "lost_after" });
    expect(await statuses("a")).toEqual(["unknown"]);
    expect(sqs.counts(name).visible).toBe(1);
  });

  it("is in doubt when nobody listens any more", async () => {
    const { sqs } = await open();
    await sqs.close();
    expect(await bench.queue.send([outgoing("a")])).toEqual([
      { status: "unknown", reason: "SQS could not be reached (ECONNREFUSED)" },
    ]);
  });

  it.each([false, true])("is in doubt after 10 s without an answer (with its effect: %s)", async (effect) => {
    const clock = fakeClock();
    const { sqs, name } = await open({ clock });
    sqs.faults.next("SendMessageBatch", { kind: "hang", effect });
    const sending = bench.queue.send([outgoing("a")]);
    await networkSettles();
    expect(await clock.runUntil(sending)).toEqual([
      { status: "unknown", reason: "SQS did not answer in time" },
    ]);
    expect(clock.now() - fakeClock().now()).toBe(10_000);
    expect(sqs.counts(name).visible).toBe(effect ? 1 : 0);
    expect(await statuses("b")).toEqual(["sent"]);
  });

  it("says nothing of what SQS or the system said, but a code", async () => {
    const { sqs } = await open();
    const message = `https://user:url-canary@host/?X-Amz-Signature=signature-canary ${CREDENTIALS.secretAccessKey} body-canary`;
    const codes = [
      "AccessDenied",
      "AWS.SimpleQueueService.NonExistentQueue",
      "https://user:url-canary@host/",
    ];
    const reasons: string[] = [];
    for (const code of codes) {
      sqs.faults.next("*", { kind: "refuse", code, message });
      reasons.push(JSON.stringify(await bench.queue.send([outgoing("body-canary")])));
      sqs.faults.next("SendMessageBatch", { kind: "fail_entries", places: [0], code });
      reasons.push(JSON.stringify(await bench.queue.send([outgoing("body-canary")])));
      sqs.faults.next("ReceiveMessage", { kind: "refuse", code, message });
      const receiving = bench.queue.receive({ max: 1, waitMs: 0, signal: new AbortController().signal });
      reasons.push(await receiving.then(String, String));
      sqs.faults.next("GetQueueAttributes", { kind: "refuse", code, message });
      reasons.push(await bench.queue.backlog().then(String, String));
    }
    expect(reasons).toHaveLength(12);
    expect(reasons.join("\n")).not.toMatch(/canary|:\/\/|AKID/i);
  });

  it("refuses a batch of the wrong size, and everything once it is closed", async () => {
    const { queue } = await open();
    const wrong = expect.objectContaining({ code: "config.invalid" });
    await expect(queue.send([])).rejects.toEqual(wrong);
    await expect(queue.send(Array.from({ length: 11 }, () => outgoing("a")))).rejects.toEqual(wrong);
    await queue.close();
    await expect(queue.send([outgoing("a")])).rejects.toMatchObject({ code: "waybill.closed" });
  });
});
