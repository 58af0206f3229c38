// What another emulator makes of receipt handles that it never gave out, and of batches of which it refuses a part. It is asked
// for nothing else: it tells nothing about redelivery or order.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { ChangeMessageVisibilityCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createSqsServer } from "local-aws-sqs";
import { sqsQueue } from "waybill/sqs";

const FORGED = "AQEB-never-given-out";

describe("local-aws-sqs", () => {
  let server;
  let client;
  /** What is changed of the next request before it leaves. */
  let change = (command) => command;
  let made = 0;

  before(async () => {
    const attributes = { VisibilityTimeout: "30" };
    const queues = ["jobs", "small"].map((QueueName) => ({ QueueName, Attributes: attributes }));
    queues[1].Attributes = { ...attributes, MaximumMessageSize: "1024" };
    server = await createSqsServer({ port: 0, hostname: "127.0.0.1", queues });
    if (!server.listening) await once(server, "listening");
    client = new SQSClient({
      endpoint: `http://127.0.0.1:${server.address().port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "none", secretAccessKey: "none" },
    });
  });
  after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });

  const urlOf = (name) => `http://127.0.0.1:${server.address().port}/123456789012/${name}`;

  function open(name) {
    const send = (command, ...more) => client.send(change(command), ...more);
    return sqsQueue({ client: { send }, queueUrl: urlOf(name) });
  }

  const outgoing = (body) => ({ body, delayMs: 0, dedupId: `d${(made += 1)}`, groupId: `g${made}` });
  const receive = (queue) => queue.receive({ max: 10, waitMs: 0, signal: new AbortController().signal });

  /** Of three messages that were received together, the second is settled by a receipt that nobody gave out. Its own is the answer. */
  async function withForged(queue, settle) {
    const bodies = ["a", "b", "c"];
    assert.deepEqual(
      (await queue.send(bodies.map(outgoing))).map(({ status }) => status),
      ["sent", "sent", "sent"],
    );
    const deliveries = [...(await receive(queue))].sort((a, b) => (a.body < b.body ? -1 : 1));
    assert.deepEqual(
      deliveries.map(({ body }) => body),
      bodies,
    );
    let own = "";
    change = (command) => {
      const [, entry] = command.input.Entries;
      own = entry.ReceiptHandle;
      entry.ReceiptHandle = FORGED;
      return command;
    };
    const ends = await Promise.allSettled(deliveries.map(settle));
    change = (command) => command;
    assert.deepEqual(
      ends.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(ends[1].reason.code, "queue.unavailable");
    assert.ok(!String(ends[1].reason.message).includes(FORGED));
    return own;
  }

  it("refuses a forged receipt of a batch of acknowledgements: that message stays, and no other", async () => {
    const queue = open("jobs");
    const ReceiptHandle = await withForged(queue, (delivery) => delivery.ack());
    const QueueUrl = urlOf("jobs");
    await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    assert.deepEqual(
      (await receive(queue)).map(({ body }) => body),
      ["b"],
    );
    await queue.close();
  });

  it("refuses a forged receipt of a batch of releases: the others are back at once", async () => {
    const queue = open("small");
    await withForged(queue, (delivery) => delivery.release(0));
    const back = await receive(queue);
    assert.deepEqual(back.map(({ body }) => body).sort(), ["a", "c"]);
    await Promise.all(back.map((delivery) => delivery.ack()));
    await queue.close();
  });

  it("refuses what is too long for the queue: it is rejected, and the others are sent", async () => {
    const queue = open("small");
    const sent = await queue.send(["d", "x".repeat(1_025), "e"].map(outgoing));
    assert.deepEqual(
      sent.map(({ status }) => status),
      ["sent", "rejected", "sent"],
    );
    await queue.close();
  });
});
