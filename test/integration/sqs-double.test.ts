import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
  type Message,
  type SendMessageCommandInput,
} from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import { sqsBench, type SqsBench, type SqsBenchOptions } from "../doubles/sqs/bench.js";

const DAY_MS = 86_400_000;

let bench: SqsBench;
let clock: FakeClock;
let sent = 0;

async function open(options: SqsBenchOptions = {}): Promise<SqsBench> {
  clock = fakeClock();
  bench = await sqsBench({ clock, client: { maxAttempts: 1 }, ...options });
  return bench;
}

afterEach(() => bench.close());

const url = (name = bench.name): { QueueUrl: string } => ({ QueueUrl: bench.sqs.queueUrl(name) });

async function send(body: string, over: Partial<SendMessageCommandInput> = {}) {
  sent += 1;
  const fifo = bench.name.endsWith(".fifo")
    ? { MessageGroupId: `g${sent}`, MessageDeduplicationId: `d${sent}` }
    : {};
  return bench.client.send(new SendMessageCommand({ ...url(), MessageBody: body, ...fifo, ...over }));
}

async function receive(max = 10, name = bench.name): Promise<Message[]> {
  const command = new ReceiveMessageCommand({
    ...url(name),
    MaxNumberOfMessages: max,
    MessageSystemAttributeNames: ["All"],
  });
  return (await bench.client.send(command)).Messages ?? [];
}

async function bodies(max = 10, name = bench.name): Promise<(string | undefined)[]> {
  return (await receive(max, name)).map(({ Body }) => Body);
}

function remove({ ReceiptHandle }: Message, name = bench.name): Promise<unknown> {
  return bench.client.send(new DeleteMessageCommand({ ...url(name), ReceiptHandle }));
}

function hide({ ReceiptHandle }: Message, VisibilityTimeout: number): Promise<unknown> {
  return bench.client.send(
    new ChangeMessageVisibilityCommand({ ...url(), ReceiptHandle, VisibilityTimeout }),
  );
}

/** Lets a message be received as often as is allowed, and moved. */
async function useUp(receives: number): Promise<void> {
  for (let receive = 0; receive <= receives; receive += 1) {
    await bodies();
    await clock.advance(30_000);
  }
}

describe("the SQS double: standard queues", () => {
  it("deletes by the newest receipt only, without an error by an older one, and again", async () => {
    const { sqs, name } = await open();
    await send("a");
    const [old] = await receive();
    await clock.advance(30_000);
    const [fresh] = await receive();
    await remove(old!);
    expect(sqs.counts(name).inFlight).toBe(1);
    await remove(fresh!);
    await remove(fresh!);
    expect(sqs.counts(name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it("deletes by a receipt whose visibility is over, if nobody received the message since", async () => {
    await open();
    await send("a");
    const [late] = await receive();
    await clock.advance(30_000);
    await remove(late!);
    expect(await bodies()).toEqual([]);
  });

  it("refuses receipts that it never gave out, and those of other queues", async () => {
    const { deadName } = await open();
    await send("a");
    const [message] = await receive();
    await expect(remove({ ReceiptHandle: "AQEBnonsense" })).rejects.toThrow("receipt handle is invalid");
    await expect(remove(message!, deadName)).rejects.toThrow("receipt handle is invalid");
  });

  it("changes no visibility of what is not in flight, or not there", async () => {
    await open();
    await send("a");
    const [message] = await receive();
    await clock.advance(30_000);
    await expect(hide(message!, 10)).rejects.toMatchObject({ name: "MessageNotInflight" });
    await remove(message!);
    await expect(hide(message!, 10)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("hides nothing for longer than 12 h from its receive", async () => {
    await open();
    await send("a");
    const [message] = await receive();
    await hide(message!, 43_200);
    await clock.advance(1_000);
    await expect(hide(message!, 43_200)).rejects.toThrow("beyond the limit");
    await hide(message!, 43_199);
    await expect(hide(message!, 43_201)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("counts the age of a dead letter from its first send", async () => {
    const { sqs, deadName } = await open({ maxReceiveCount: 2 });
    await send("a");
    await clock.advance(3 * DAY_MS);
    await useUp(2);
    expect(sqs.counts(deadName).visible).toBe(1);
    // Four days, less the three that it had waited and the minutes of its receives.
    await clock.advance(DAY_MS - 100_000);
    expect(sqs.counts(deadName).visible).toBe(1);
    await clock.advance(10_000);
    expect(sqs.counts(deadName).visible).toBe(0);
  });

  it("moves dead letters back as new messages", async () => {
    const { sqs, client, name, deadName } = await open({ maxReceiveCount: 1 });
    await send("a");
    await useUp(1);
    const SourceArn = sqs.queueArn(deadName);
    await client.send(new StartMessageMoveTaskCommand({ SourceArn }));
    const { Results } = await client.send(new ListMessageMoveTasksCommand({ SourceArn }));
    expect(Results).toMatchObject([{ Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 1 }]);
    const [again] = await receive();
    expect(again).toMatchObject({ Body: "a", Attributes: { ApproximateReceiveCount: "1" } });
    await expect(
      client.send(new StartMessageMoveTaskCommand({ SourceArn: sqs.queueArn(name) })),
    ).rejects.toThrow("must be configured as a Dead Letter Queue");
  });

  it("delays by the queue, by the message, and no longer than 900 s", async () => {
    await open({ attributes: { DelaySeconds: "5" } });
    await send("by the queue");
    await send("at once", { DelaySeconds: 0 });
    expect(await bodies()).toEqual(["at once"]);
    await clock.advance(5_000);
    expect(await bodies()).toEqual(["by the queue"]);
    await expect(send("a", { DelaySeconds: 901 })).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  it("refuses characters that XML does not have, and messages above the size", async () => {
    await open({ attributes: { MaximumMessageSize: "1024" } });
    await expect(send("\u0001")).rejects.toMatchObject({ name: "InvalidMessageContents" });
    await expect(send("\ufffe")).rejects.toMatchObject({ name: "InvalidMessageContents" });
    await expect(send("é".repeat(513))).rejects.toThrow("must be shorter than 1024 bytes");
    await send("\t\n\r 🚂\ufffd");
  });

  it("refuses batches as a whole for their form", async () => {
    const { client } = await open();
    const batch = (ids: readonly string[]) =>
      client.send(
        new SendMessageBatchCommand({ ...url(), Entries: ids.map((Id) => ({ Id, MessageBody: "a" })) }),
      );
    await expect(batch([])).rejects.toMatchObject({ name: "EmptyBatchRequest" });
    await expect(batch(["1", "1"])).rejects.toMatchObject({ name: "BatchEntryIdsNotDistinct" });
    await expect(batch(["a b"])).rejects.toMatchObject({ name: "InvalidBatchEntryId" });
    await expect(batch(Array.from({ length: 11 }, (_, place) => String(place)))).rejects.toMatchObject({
      name: "TooManyEntriesInBatchRequest",
    });
  });

  it("knows its queues, their attributes and one purge a minute", async () => {
    const { sqs, client, name } = await open({ maxReceiveCount: 3 });
    expect(await client.send(new GetQueueUrlCommand({ QueueName: name }))).toMatchObject(url());
    await expect(client.send(new GetQueueUrlCommand({ QueueName: "gone" }))).rejects.toMatchObject({
      name: "QueueDoesNotExist",
    });
    await client.send(new SetQueueAttributesCommand({ ...url(), Attributes: { VisibilityTimeout: "7" } }));
    const names = ["VisibilityTimeout", "QueueArn"] as const;
    const answer = await client.send(new GetQueueAttributesCommand({ ...url(), AttributeNames: [...names] }));
    expect(answer.Attributes).toEqual({ VisibilityTimeout: "7", QueueArn: sqs.queueArn(name) });
    const wrong = { VisibilityTimeout: "43201" };
    await expect(
      client.send(new SetQueueAttributesCommand({ ...url(), Attributes: wrong })),
    ).rejects.toMatchObject({ name: "InvalidAttributeValue" });
    await send("a");
    await client.send(new PurgeQueueCommand(url()));
    expect(await bodies()).toEqual([]);
    await expect(client.send(new PurgeQueueCommand(url()))).rejects.toMatchObject({
      name: "PurgeQueueInProgress",
    });
  });
});

describe("the SQS double: FIFO queues", () => {
  const grouped = (body: string, MessageGroupId: string) => send(body, { MessageGroupId });

  it("returns as many of one group in one receive as there are, in order", async () => {
    await open({ fifo: true });
    for (const body of ["1", "2", "3"]) await grouped(body, "g");
    await grouped("other", "h");
    expect(await bodies()).toEqual(["1", "2", "3", "other"]);
  });

  it("returns no more of a group while one of it is in flight, then begins where it stood", async () => {
    await open({ fifo: true });
    for (const body of ["1", "2", "3"]) await grouped(body, "g");
    const [first, second] = await receive(2);
    await remove(first!);
    expect(await bodies()).toEqual([]);
    await hide(second!, 0);
    expect(await bodies()).toEqual(["2", "3"]);
  });

  it("refuses a receipt whose visibility is over", async () => {
    await open({ fifo: true });
    await send("a");
    const [late] = await receive();
    await clock.advance(30_000);
    await expect(remove(late!)).rejects.toThrow("receipt handle has expired");
    await expect(hide(late!, 10)).rejects.toThrow("receipt handle has expired");
  });

  it("accepts a repeated deduplication id for five minutes and delivers it once, deleted or not", async () => {
    await open({ fifo: true });
    const same = { MessageGroupId: "g", MessageDeduplicationId: "d" };
    const { MessageId } = await send("a", same);
    const [message] = await receive();
    await remove(message!);
    expect(await send("a", same)).toMatchObject({ MessageId });
    expect(await bodies()).toEqual([]);
    await clock.advance(300_000);
    await send("a", same);
    expect(await bodies()).toEqual(["a"]);
  });

  it("wants ids of 1 to 128 letters, digits and punctuation, and no delay", async () => {
    await open({ fifo: true });
    const refused = { name: "InvalidParameterValue" };
    for (const id of ["a b", "é", "x".repeat(129)]) {
      await expect(send("a", { MessageGroupId: id })).rejects.toMatchObject(refused);
      await expect(send("a", { MessageDeduplicationId: id })).rejects.toMatchObject(refused);
    }
    await expect(send("a", { MessageGroupId: undefined })).rejects.toMatchObject({
      name: "MissingParameter",
    });
    await expect(send("a", { MessageDeduplicationId: undefined })).rejects.toMatchObject(refused);
    await expect(send("a", { DelaySeconds: 0 })).rejects.toMatchObject(refused);
  });

  it("begins the age of a dead letter anew", async () => {
    const { sqs, deadName } = await open({ fifo: true, maxReceiveCount: 2 });
    await send("a");
    await clock.advance(3 * DAY_MS);
    await useUp(2);
    await clock.advance(3 * DAY_MS);
    expect(sqs.counts(deadName).visible).toBe(1);
  });

  it("wants a FIFO queue for its dead letters", async () => {
    const { sqs } = await open({ fifo: true });
    sqs.createQueue("standard");
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: sqs.queueArn("standard"),
      maxReceiveCount: 3,
    });
    expect(() => {
      sqs.createQueue("more.fifo", { RedrivePolicy });
    }).toThrow("must be of the same type");
  });
});
