import { SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { systemClock, type Clock } from "../../../src/core/environment/clock.js";
import { QueueOnSqs } from "../../../src/adapters/sqs/queue.js";
import { settingsOf, type SqsQueueOptions } from "../../../src/adapters/sqs/settings.js";
import type { OutgoingMessage } from "../../../src/core/ports/queue.js";
import { REGION } from "./account.js";
import type { QueueAttributeTexts } from "./attributes.js";
import { startSqs, type SqsDouble } from "./server.js";

/** Of nobody, and searched for in whatever is said. */
export const CREDENTIALS = { accessKeyId: "AKIDCANARY", secretAccessKey: "secret-canary-key" };

export interface SqsBenchOptions {
  readonly fifo?: boolean;
  readonly attributes?: QueueAttributeTexts;
  /** Receives after which a message is moved to the dead letter queue; without it there is none. */
  readonly maxReceiveCount?: number | undefined;
  readonly deadLetterAttributes?: QueueAttributeTexts;
  readonly clock?: Clock;
  readonly client?: SQSClientConfig;
  readonly queue?: Partial<SqsQueueOptions>;
}

export interface SqsBench {
  readonly sqs: SqsDouble;
  readonly client: SQSClient;
  readonly queue: QueueOnSqs;
  /** The names of the queue and of its dead letter queue. */
  readonly name: string;
  readonly deadName: string;
  close(): Promise<void>;
}

/** A queue on an SQS of its own, through the real client. */
export async function sqsBench(options: SqsBenchOptions = {}): Promise<SqsBench> {
  const { fifo = false, maxReceiveCount, clock = systemClock } = options;
  const ending = fifo ? ".fifo" : "";
  const [name, deadName] = [`jobs${ending}`, `jobs-dead${ending}`];
  const sqs = await startSqs({ clock, queues: { [deadName]: options.deadLetterAttributes ?? {} } });
  const redrive =
    maxReceiveCount === undefined
      ? {}
      : { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: sqs.queueArn(deadName), maxReceiveCount }) };
  sqs.createQueue(name, { ...redrive, ...options.attributes });
  const client = new SQSClient({
    endpoint: sqs.endpoint,
    region: REGION,
    credentials: CREDENTIALS,
    ...options.client,
  });
  const settings = settingsOf({
    client,
    queueUrl: sqs.queueUrl(name),
    ...(maxReceiveCount === undefined ? {} : { deadLetterQueueUrl: sqs.queueUrl(deadName) }),
    ...options.queue,
  });
  const queue = new QueueOnSqs(settings, clock);
  return {
    ...{ sqs, client, queue, name, deadName },
    async close() {
      await queue.close();
      client.destroy();
      await sqs.close();
    },
  };
}

let made = 0;

export function outgoing(body: string, over: Partial<OutgoingMessage> = {}): OutgoingMessage {
  made += 1;
  return { body, delayMs: 0, dedupId: `dedup-${made}`, groupId: `group-${made}`, ...over };
}

/** Lets what is on its way through a loopback socket arrive, both ways. */
export async function networkSettles(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
