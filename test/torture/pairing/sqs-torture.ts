import { SQSClient } from "@aws-sdk/client-sqs";
import { sqsQueue } from "waybill/sqs";
import { startSqs } from "../../doubles/sqs/server.js";
import type { OpenQueue, TortureQueue } from "./torture-queue.js";

/** Longer than a message is hidden after its receiver was killed, and short enough that a run has many. */
const VISIBILITY_S = 2;
/** Of the dead letters: longer than that of the queue that they come from. */
const LONGEST_RETENTION_S = "1209600";

/** A wire-level double of SQS in the test's own process: real requests, none of the service's faults. */
export const sqsTorture: TortureQueue = {
  name: "sqs",
  hasServer: false,
  async start() {
    const sqs = await startSqs({ queues: { dead: { MessageRetentionPeriod: LONGEST_RETENTION_S } } });
    sqs.createQueue("work", {
      VisibilityTimeout: String(VISIBILITY_S),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: sqs.queueArn("dead"), maxReceiveCount: 20 }),
    });
    const address = JSON.stringify({
      endpoint: sqs.endpoint,
      queueUrl: sqs.queueUrl("work"),
      deadLetterQueueUrl: sqs.queueUrl("dead"),
    });
    return { address, crash: null, stop: () => sqs.close() };
  },
  async open(address): Promise<OpenQueue> {
    const { endpoint, ...urls } = JSON.parse(address) as {
      readonly endpoint: string;
      readonly queueUrl: string;
      readonly deadLetterQueueUrl: string;
    };
    const client = new SQSClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const queue = sqsQueue({ client, ...urls });
    return {
      queue,
      async close() {
        await queue.close();
        client.destroy();
      },
    };
  },
};
