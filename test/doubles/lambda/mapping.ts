import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { Outcome } from "./outcome.js";
import { failedOf } from "./responses.js";

export interface MappingOptions {
  readonly client: SQSClient;
  readonly queueUrl: string;
  readonly queueArn: string;
  invoke(event: unknown): Promise<Outcome>;
  /** `FunctionResponseTypes: ["ReportBatchItemFailures"]`. */
  readonly reportBatchItemFailures: boolean;
  /** @default 10 */
  readonly batchSize?: number;
  /** Most batches at a time (`ScalingConfig.MaximumConcurrency`). @default 2 */
  readonly maximumConcurrency?: number;
  /** How long one poll waits. @default 1_000 // 1 s */
  readonly waitMs?: number;
  /** Told of each batch after its end. */
  readonly onBatch?: (batch: Batch) => void;
}

export interface Batch {
  readonly messageIds: readonly string[];
  readonly outcome: Outcome;
  /** Those that were not deleted, and come again when their visibility ends. */
  readonly kept: readonly string[];
}

/**
 * The event source mapping of an SQS queue ("Using Lambda with Amazon SQS"): polls, invokes with a batch, deletes what is
 * done. Written from the documentation, never compared with AWS. Where that leaves it open, messages that are not done
 * come again only when their visibility ends, and a throttled batch has used a receive.
 */
export class EventSourceMapping {
  readonly #options: MappingOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: MappingOptions) {
    this.#options = options;
  }

  start(): void {
    const { maximumConcurrency = 2 } = this.#options;
    this.#running = Promise.all(Array.from({ length: maximumConcurrency }, () => this.#poll()));
  }

  /** Ends with the last batch that is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Takes one batch, if there is one. */
  async pollOnce(waitMs = 0): Promise<Batch | null> {
    const { client, queueUrl, batchSize = 10 } = this.#options;
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: batchSize,
        WaitTimeSeconds: Math.ceil(waitMs / 1_000),
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
      }),
      { abortSignal: this.#stop.signal },
    );
    return messages.length === 0 ? null : this.#hand(messages);
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.pollOnce(this.#options.waitMs ?? 1_000).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #hand(messages: readonly Message[]): Promise<Batch> {
    const { client, queueUrl, queueArn, invoke, reportBatchItemFailures, onBatch } = this.#options;
    const outcome = await invoke({ Records: messages.map((message) => recordOf(message, queueArn)) });
    const messageIds = messages.map(idOf);
    const kept = failedOf(outcome, messageIds, reportBatchItemFailures);
    for (const message of messages) {
      if (kept.includes(idOf(message))) continue;
      await client.send(
        new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }),
      );
    }
    const batch = { messageIds, outcome, kept };
    onBatch?.(batch);
    return batch;
  }
}

function idOf({ MessageId = "" }: Message): string {
  return MessageId;
}

/** As the documentation's example events have it. */
function recordOf(message: Message, queueArn: string): unknown {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: { SenderId: "AIDAEXAMPLE", ...message.Attributes },
    messageAttributes: message.MessageAttributes ?? {},
    md5OfBody: message.MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3],
  };
}
