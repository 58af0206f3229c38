import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, it } from "vitest";
import { queueSuite, type QueueFixture } from "../../src/testing/queue-suite/queue-suite.js";
import type { SuiteSkip } from "../../src/testing/suite-runner.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { QueueOnSqs } from "../../src/adapters/sqs/queue.js";
import { settingsOf } from "../../src/adapters/sqs/settings.js";
import { networkSettles } from "../doubles/sqs/bench.js";
import { startFauxqs, type Fauxqs } from "../integration/fauxqs-server.js";

const VISIBILITY_MS = 30_000;

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
    const clock = fakeClock();
    const queue = new QueueOnSqs(settingsOf({ client, queueUrl, deadLetterQueueUrl }), clock);
    await queue.backlog();
    return {
      queue,
      visibilityMs: VISIBILITY_MS,
      unsendable: "a\u0000b",
      advance: async (ms) => {
        await clock.advance(ms);
        await server.advance(ms);
        await networkSettles();
      },
      close: () => queue.close(),
    };
  };
}

const SKIPS: readonly SuiteSkip[] = [
  {
    test: "sending > keeps every body as it was, character by character",
    reason: "fauxqs refuses characters beyond the basic plane, which SQS takes",
  },
  {
    test: "waiting > gives each message to one of those who wait",
    reason: "fauxqs ends all waits with the first message, and those who did not get it return nothing",
  },
];

describe("SQS, standard, on fauxqs 1.9.2", () => {
  queueSuite({ describe, it }, { create: fixture(false), skip: SKIPS });
});

describe("SQS, FIFO, on fauxqs 1.9.2", () => {
  queueSuite({ describe, it }, { create: fixture(true), skip: SKIPS });
});
