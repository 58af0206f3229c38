import type {
  ChangeMessageVisibilityBatchCommandInput,
  ChangeMessageVisibilityBatchCommandOutput,
  DeleteMessageBatchCommandInput,
  DeleteMessageBatchCommandOutput,
  GetQueueAttributesCommandOutput,
  ReceiveMessageCommandInput,
  ReceiveMessageCommandOutput,
  SendMessageBatchCommandInput,
  SendMessageBatchCommandOutput,
} from "@aws-sdk/client-sqs";
import { type Clock, inTime } from "../../core/environment/clock.js";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from "./commands.js";
import { Unanswered } from "./errors.js";
import type { SqsClient } from "./settings.js";

/** How long the queue is given for an answer, beyond the wait that it was asked for. The client's own tries count. */
const PATIENCE_MS = 10_000;

type To<Input> = Omit<Input, "QueueUrl">;

/** The requests to one queue, none of which lasts for ever: the SDK by itself would wait for an answer without end. */
export class Requests {
  readonly #client: SqsClient;
  readonly #clock: Clock;
  readonly #queue: { readonly QueueUrl: string };

  constructor(client: SqsClient, clock: Clock, url: string) {
    this.#client = client;
    this.#clock = clock;
    this.#queue = { QueueUrl: url };
  }

  send(input: To<SendMessageBatchCommandInput>): Promise<SendMessageBatchCommandOutput> {
    const command = new SendMessageBatchCommand({ ...this.#queue, ...input });
    return this.#bounded(0, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  receive(input: To<ReceiveMessageCommandInput>): Promise<ReceiveMessageCommandOutput> {
    const command = new ReceiveMessageCommand({ ...this.#queue, ...input });
    const waitMs = (input.WaitTimeSeconds ?? 0) * 1_000;
    // A client's own limit for an answer would end every long poll, and keep what that caught from everybody.
    const limit = waitMs > 0 ? { requestTimeout: waitMs + PATIENCE_MS } : {};
    return this.#bounded(waitMs, (abortSignal) => this.#client.send(command, { abortSignal, ...limit }));
  }

  delete(input: To<DeleteMessageBatchCommandInput>): Promise<DeleteMessageBatchCommandOutput> {
    const command = new DeleteMessageBatchCommand({ ...this.#queue, ...input });
    return this.#bounded(0, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  hide(
    input: To<ChangeMessageVisibilityBatchCommandInput>,
  ): Promise<ChangeMessageVisibilityBatchCommandOutput> {
    const command = new ChangeMessageVisibilityBatchCommand({ ...this.#queue, ...input });
    return this.#bounded(0, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  attributes(): Promise<GetQueueAttributesCommandOutput> {
    const command = new GetQueueAttributesCommand({ ...this.#queue, AttributeNames: ["All"] });
    return this.#bounded(0, (abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async #bounded<T>(waitMs: number, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const giveUp = new AbortController();
    const answer = send(giveUp.signal);
    // Its own connection keeps the process alive, as long as there is one.
    const inPatience = await inTime<T | null>(this.#clock, waitMs + PATIENCE_MS, answer, null, false);
    if (inPatience !== null) return inPatience;
    giveUp.abort();
    throw new Unanswered();
  }
}
