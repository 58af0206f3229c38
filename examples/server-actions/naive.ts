// The same service as it was written first: the status of an action exists only in the calls that tell it.
import {
  ReceiveMessageCommand,
  DeleteMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { FakeEc2 } from "./fake-ec2.js";
import type { ResolverAnswer, ResolverEvent } from "./resolver.js";
import { routeOf, ROUTINES } from "./routines.js";
import type { Action } from "./server-action.job.js";

export interface NaiveOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly ec2: FakeEc2;
  readonly appsyncUrl: string;
  readonly apiKey: string;
  /** The kindest variant tries a push again, within the call. @default 1 */
  readonly tries?: number;
  readonly log?: (line: string) => void;
}

interface NaiveMessage {
  readonly action: Action;
  readonly instanceId: string;
  readonly userEmail: string;
}

const MUTATION = `mutation Tell($id: ID!, $action: String!, $status: String!, $timestamp: AWSTimestamp!, $message: String, $userEmail: String) {
  publishJobUpdate(id: $id, action: $action, status: $status, timestamp: $timestamp, message: $message, userEmail: $userEmail) {
    id action status timestamp message userEmail
  }
}`;

/** Longer than a healthy push takes; a Lambda that waits is paid for. */
const PUSH_TIMEOUT_MS = 1_000;

/** Resolver and processor of the naive service. */
export class NaiveService {
  readonly #options: NaiveOptions;

  constructor(options: NaiveOptions) {
    this.#options = options;
  }

  /** Queues a write and says so; answers a read. */
  async resolve(event: ResolverEvent): Promise<ResolverAnswer> {
    const { action, instanceId } = event.arguments;
    const user = event.identity?.claims;
    if (user === undefined) return { statusCode: 403, body: "{}" };
    const route = routeOf(action);
    if (route === "read")
      return { statusCode: 200, body: JSON.stringify(this.#options.ec2.describe(instanceId)) };
    if (route === "unknown") return { statusCode: 400, body: "{}" };
    const message: NaiveMessage = { action: action as Action, instanceId, userEmail: user.email };
    const { sqs, queueUrl } = this.#options;
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) }));
    const word = action.charAt(0).toUpperCase() + action.slice(1);
    await this.#tell(message, "PROCESSING", `${word} request queued for processing`);
    return { statusCode: 202, body: "{}" };
  }

  /** Takes messages until it is told to stop, one at a time in each slot. */
  async run(signal: AbortSignal, slots = 3): Promise<void> {
    await Promise.all(Array.from({ length: slots }, () => this.#slot(signal)));
  }

  async #slot(signal: AbortSignal): Promise<void> {
    const { sqs, queueUrl } = this.#options;
    while (!signal.aborted) {
      const ask = { QueueUrl: queueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: 1 };
      const received = await sqs
        .send(new ReceiveMessageCommand(ask), { abortSignal: signal })
        .catch(() => null);
      for (const { Body = "", ReceiptHandle } of received?.Messages ?? []) {
        await this.process(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
      }
    }
  }

  /** Does one message. Whatever happens is told, once, and the message is gone. */
  async process(body: string): Promise<void> {
    let message: NaiveMessage;
    try {
      message = JSON.parse(body) as NaiveMessage;
    } catch (error) {
      const unknown = { action: "unknown", instanceId: "unknown", userEmail: "" } as unknown as NaiveMessage;
      await this.#tell(unknown, "FAILED", `Error processing message: ${String(error)}`);
      return;
    }
    const { action, instanceId } = message;
    await this.#tell(message, "PROCESSING", `Processing ${action}`);
    try {
      const done = await ROUTINES[action](this.#options.ec2, instanceId);
      if (done) await this.#tell(message, "COMPLETED", `Successfully completed ${action}`);
      else await this.#tell(message, "FAILED", `Failed to complete ${action}`);
    } catch (error) {
      this.#log(error instanceof Error ? (error.stack ?? error.message) : String(error));
      await this.#tell(message, "FAILED", error instanceof Error ? error.message : String(error));
    }
  }

  /** Pushes a status. That it failed is logged, and nobody ever looks for it again. */
  async #tell(
    { action, instanceId, userEmail }: NaiveMessage,
    status: string,
    message: string,
  ): Promise<void> {
    const timestamp = Math.floor(Date.now() / 1000);
    const variables = { id: instanceId, action, status, timestamp, message, userEmail };
    for (let left = this.#options.tries ?? 1; left > 0; left -= 1) {
      try {
        const response = await fetch(this.#options.appsyncUrl, {
          method: "POST",
          headers: { "content-type": "application/json", "x-api-key": this.#options.apiKey },
          body: JSON.stringify({ query: MUTATION, variables }),
          signal: AbortSignal.timeout(PUSH_TIMEOUT_MS),
        });
        const answer = (await response.json()) as { readonly errors?: unknown };
        if (response.ok && answer.errors === undefined) return;
        this.#log(`could not send status: ${response.status}`);
      } catch (error) {
        this.#log(`could not send status: ${error instanceof Error ? error.name : "unknown"}`);
      }
    }
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}
