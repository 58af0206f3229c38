// The same service as it was written first: the status is set before the send, and taken back when the send fails.
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { ownOf, type Posted } from "./api.js";

export interface NaiveOptions {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly table: string;
  readonly queueUrl: string;
  readonly receiverUrl: string;
  /** The kindest variant sends again when a duplicate is still PENDING. @default false */
  readonly resendsDuplicates?: boolean;
}

type Answer = "QUEUED" | "SYSTEM_ERROR" | "DUPLICATE" | "INVALID_REQUEST";

/** API and worker of the naive service. */
export class NaiveService {
  readonly #options: NaiveOptions;

  constructor(options: NaiveOptions) {
    this.#options = options;
  }

  /** Validates, refuses duplicates, records, queues, answers with the status. */
  async post(message: Posted): Promise<Answer> {
    if (!/^[a-z0-9-]{1,40}$/.test(message.id) || message.text === "") return "INVALID_REQUEST";
    const { dynamodb, table, resendsDuplicates } = this.#options;
    const own = ownOf(message);
    try {
      await dynamodb.send(
        new PutItemCommand({
          TableName: table,
          Item: {
            id: { S: message.id },
            status: { S: "PENDING" },
            trail: { L: [{ S: "PENDING" }] },
            text: { S: message.text },
            ...{ name: { S: own.name }, ttl: { N: String(own.ttl) }, data: { B: own.data } },
          },
          ConditionExpression: "attribute_not_exists(id)",
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) return "SYSTEM_ERROR";
      if (resendsDuplicates !== true) return "DUPLICATE";
    }
    return this.#queue(message);
  }

  /** Takes messages until it is told to stop, one at a time in each slot. */
  async run(signal: AbortSignal, slots = 2): Promise<void> {
    await Promise.all(Array.from({ length: slots }, () => this.#slot(signal)));
  }

  async #queue(message: Posted): Promise<Answer> {
    if (!(await this.#change(message.id, "PENDING", "QUEUED"))) return "DUPLICATE";
    try {
      await this.#options.sqs.send(
        new SendMessageCommand({ QueueUrl: this.#options.queueUrl, MessageBody: JSON.stringify(message) }),
      );
      return "QUEUED";
    } catch {
      // The send failed: the message is not in the queue, so the record must not say that it is.
      await this.#change(message.id, "QUEUED", "PENDING");
      return "SYSTEM_ERROR";
    }
  }

  async #slot(signal: AbortSignal): Promise<void> {
    const { sqs, queueUrl } = this.#options;
    while (!signal.aborted) {
      const ask = { QueueUrl: queueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };
      const received = await sqs
        .send(new ReceiveMessageCommand(ask), { abortSignal: signal })
        .catch(() => null);
      for (const { Body = "{}", ReceiptHandle } of received?.Messages ?? []) {
        await this.#deliver(JSON.parse(Body) as Posted);
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
      }
    }
  }

  /** Only what is QUEUED is delivered; anything else is a late copy. */
  async #deliver({ id, text }: Posted): Promise<void> {
    if (!(await this.#change(id, "QUEUED", "PROCESSING"))) return;
    const response = await fetch(this.#options.receiverUrl, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": id, "x-message": id },
      body: JSON.stringify({ text }),
    }).catch(() => null);
    await this.#change(id, "PROCESSING", response?.ok === true ? "COMPLETED" : "FAILED");
  }

  /** Atomic, guarded by the status that is expected; `false`: it is another. */
  async #change(id: string, from: string, to: string): Promise<boolean> {
    try {
      await this.#options.dynamodb.send(
        new UpdateItemCommand({
          TableName: this.#options.table,
          Key: { id: { S: id } },
          UpdateExpression: "SET #status = :to, #trail = list_append(#trail, :entry)",
          ConditionExpression: "attribute_exists(id) AND #status = :from",
          ExpressionAttributeNames: { "#status": "status", "#trail": "trail" },
          ExpressionAttributeValues: { ":to": { S: to }, ":from": { S: from }, ":entry": { L: [{ S: to }] } },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}
