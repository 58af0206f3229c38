import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, it } from "vitest";
import { queueSuite, type QueueFixture } from "../../src/testing/queue-suite/queue-suite.js";
import type { SuiteSkip } from "../../src/testing/suite-runner.js";
import { sqsQueue } from "../../src/sqs.js";
import { startFauxqs, type Fauxqs } from "../integration/fauxqs-server.js";

/** The shortest that leaves room for a test on a busy machine. */
const VISIBILITY_MS = 2_000;

let server: Fauxqs;
let client: SQSClient;
let queues = 0;

beforeAll(async () => {
  server = await startFauxqs();
  client = new SQSClient({
    endpoint: server.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "any", secretAccessKey: "any" },
  });
});

afterAll(async () => {
  client.destroy();
  await server.close();
});

async function createQueue(fifo: boolean, attributes: Record<string, string>): Promise<string> {
  queues += 1;
  const command = new CreateQueueCommand({
    QueueName: `queue-${queues}${fifo ? ".fifo" : ""}`,
    Attributes: { ...(fifo ? { FifoQueue: "true" } : {}), ...attributes },
  });
  return (await client.send(command)).QueueUrl ?? "";
}

function fixture(fifo: boolean): () => Promise<QueueFixture> {
  return async () => {
    const deadLetterQueueUrl = await createQueue(fifo, {});
    const name = deadLetterQueueUrl.split("/").pop() ?? "";
    const queueUrl = await createQueue(fifo, {
      VisibilityTimeout: String(VISIBILITY_MS / 1_000),
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${name}`,
        maxReceiveCount: "3",
      }),
    });
    const queue = sqsQueue({ client, queueUrl, deadLetterQueueUrl });
    await queue.backlog();
    return { queue, visibilityMs: VISIBILITY_MS, unsendable: "a\u0000b", close: () => queue.close() };
  };
}

const SKIPS: readonly SuiteSkip[] = [];

// Time is real here: the tests wait side by side.
const runner = { describe, it: it.concurrent };

describe("SQS, standard, on fauxqs 1.9.2", () => {
  queueSuite(runner, { create: fixture(false), skip: SKIPS });
});

describe("SQS, FIFO, on fauxqs 1.9.2", () => {
  queueSuite(runner, { create: fixture(true), skip: SKIPS });
});
