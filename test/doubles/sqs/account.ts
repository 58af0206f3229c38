import { randomUUID } from "node:crypto";
import type { Clock } from "../../../src/core/environment/clock.js";
import type { QueueAttributeTexts } from "./attributes.js";
import { SqsError } from "./errors.js";
import type { Fault } from "./faults.js";
import { QueueState } from "./queue.js";
import { entriesOf, text, type Input } from "./rules.js";

const ACCOUNT = "123456789012";
export const REGION = "us-east-1";

type Answer = Record<string, unknown>;

interface MoveTask {
  readonly TaskHandle: string;
  readonly Status: "COMPLETED";
  readonly SourceArn: string;
  readonly ApproximateNumberOfMessagesMoved: number;
  readonly StartedTimestamp: number;
}

/** The queues of one account, and what can be asked of them. */
export class Account {
  readonly #clock: Clock;
  readonly #endpoint: () => string;
  readonly #queues = new Map<string, QueueState>();
  readonly #moves: MoveTask[] = [];

  constructor(clock: Clock, endpoint: () => string) {
    this.#clock = clock;
    this.#endpoint = endpoint;
  }

  create(name: string, attributes: QueueAttributeTexts): QueueState {
    const neighbour = (other: string) => this.#queues.get(other);
    const queue = new QueueState(name, attributes, { clock: this.#clock, neighbour });
    const { redrive } = queue.attributes;
    if (redrive !== null) this.#checkTarget(queue, redrive.target);
    this.#queues.set(name, queue);
    return queue;
  }

  queue(name: string): QueueState {
    const queue = this.#queues.get(name);
    if (queue !== undefined) return queue;
    throw new SqsError("QueueDoesNotExist", "The specified queue does not exist.");
  }

  urlOf(name: string): string {
    return `${this.#endpoint()}/${ACCOUNT}/${name}`;
  }

  wakeAll(): void {
    for (const queue of this.#queues.values()) queue.wake();
  }

  /** Carries a request out. A fault among `entries` changes what becomes of them. */
  async perform(action: string, input: Input, fault: Fault | null): Promise<Answer> {
    switch (action) {
      case "CreateQueue": {
        const name = text(input, "QueueName");
        if (!this.#queues.has(name)) this.create(name, (input["Attributes"] ?? {}) as QueueAttributeTexts);
        return { QueueUrl: this.urlOf(name) };
      }
      case "DeleteQueue":
        this.#queues.delete(this.#asked(input).name);
        return {};
      case "GetQueueUrl":
        return { QueueUrl: this.urlOf(this.queue(text(input, "QueueName")).name) };
      case "ListQueues":
        return { QueueUrls: [...this.#queues.keys()].map((name) => this.urlOf(name)) };
      case "GetQueueAttributes":
        return this.#attributes(this.#asked(input), (input["AttributeNames"] ?? []) as readonly string[]);
      case "SetQueueAttributes":
        this.#setAttributes(this.#asked(input), input["Attributes"] as QueueAttributeTexts);
        return {};
      case "PurgeQueue":
        this.#asked(input).purge();
        return {};
      case "StartMessageMoveTask":
        return this.#startMove(input);
      case "ListMessageMoveTasks":
        return { Results: this.#moves.filter(({ SourceArn }) => SourceArn === input["SourceArn"]) };
      default:
        return this.#message(action, input, fault);
    }
  }

  async #message(action: string, input: Input, fault: Fault | null): Promise<Answer> {
    const queue = this.#asked(input);
    switch (action) {
      case "SendMessage":
        return queue.send(input);
      case "SendMessageBatch":
        return batch(input, fault, (entry) => queue.send(entry));
      case "ReceiveMessage": {
        const answer = await queue.receive(input);
        if (fault?.kind === "stale_receipts") queue.makeReceiptsStale();
        return answer;
      }
      case "DeleteMessage":
        queue.delete(input);
        return {};
      case "DeleteMessageBatch":
        return batch(input, fault, (entry) => {
          queue.delete(entry);
          return undefined;
        });
      case "ChangeMessageVisibility":
        queue.changeVisibility(input);
        return {};
      case "ChangeMessageVisibilityBatch":
        return batch(input, fault, (entry) => {
          queue.changeVisibility(entry);
          return undefined;
        });
      default:
        throw new SqsError("InvalidAction", "The action is not valid for this web service.");
    }
  }

  #asked(input: Input): QueueState {
    return this.queue(text(input, "QueueUrl").split("/").pop() ?? "");
  }

  /** "GetQueueAttributes", AttributeNames. */
  #attributes(queue: QueueState, names: readonly string[]): Answer {
    const { visible, inFlight, delayed } = queue.counts();
    const all: Record<string, string> = {
      ...queue.attributes.all(),
      QueueArn: arnOf(queue.name),
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: String(delayed),
    };
    if (names.includes("All")) return { Attributes: all };
    return { Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))) };
  }

  #setAttributes(queue: QueueState, attributes: QueueAttributeTexts): void {
    queue.attributes.set(attributes);
    const { redrive } = queue.attributes;
    if (redrive !== null) this.#checkTarget(queue, redrive.target);
  }

  /** "SetQueueAttributes", RedrivePolicy: the target is there, and a FIFO queue's is a FIFO queue. */
  #checkTarget(queue: QueueState, target: string): void {
    if (this.queue(target).attributes.fifo === queue.attributes.fifo) return;
    throw new SqsError(
      "InvalidParameterValue",
      "The dead letter queue must be of the same type as its source.",
    );
  }

  /** "StartMessageMoveTask": from a dead letter queue, to where its messages came from unless a destination is given. */
  #startMove(input: Input): Answer {
    const sourceArn = text(input, "SourceArn");
    const source = this.queue(nameIn(sourceArn));
    const origins = [...this.#queues.values()].filter(
      ({ attributes }) => attributes.redrive?.target === source.name,
    );
    const [origin] = origins;
    if (origin === undefined) {
      throw new SqsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.");
    }
    const destination = input["DestinationArn"];
    const to = typeof destination === "string" ? this.queue(nameIn(destination)) : origin;
    const task: MoveTask = {
      TaskHandle: randomUUID(),
      Status: "COMPLETED",
      SourceArn: sourceArn,
      ApproximateNumberOfMessagesMoved: source.moveTo(() => to),
      StartedTimestamp: this.#clock.now(),
    };
    this.#moves.unshift(task);
    return { TaskHandle: task.TaskHandle };
  }
}

export function arnOf(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}

function nameIn(arn: string): string {
  return arn.split(":").pop() ?? "";
}

/** "SendMessageBatch" and its like: answered with 200 whatever became of its entries, each of which stands for itself. */
function batch(input: Input, fault: Fault | null, perform: (entry: Input) => Answer | undefined): Answer {
  const Successful: Answer[] = [];
  const Failed: Answer[] = [];
  for (const [place, entry] of entriesOf(input).entries()) {
    if (fault?.kind === "fail_entries" && fault.places.includes(place)) {
      Failed.push({
        Id: entry["Id"],
        Code: fault.code,
        Message: "A fault was injected.",
        SenderFault: false,
      });
      continue;
    }
    try {
      const answer = perform(entry);
      if (fault?.kind === "forget_entries" && fault.places.includes(place)) continue;
      Successful.push({ Id: entry["Id"], ...(answer ?? {}) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      Failed.push({ Id: entry["Id"], Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return { ...(Successful.length > 0 ? { Successful } : {}), ...(Failed.length > 0 ? { Failed } : {}) };
}
