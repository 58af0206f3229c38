import { invalidValue, SqsError } from "./errors.js";
import { LONGEST_VISIBILITY_S, MOST_BYTES } from "./rules.js";

export type QueueAttributeTexts = Readonly<Record<string, string>>;

/** "SetQueueAttributes": numbers, with their least, their most and what holds without them. */
const NUMBERS: Readonly<Record<string, readonly [least: number, most: number, otherwise: number]>> = {
  DelaySeconds: [0, 900, 0],
  MaximumMessageSize: [1_024, MOST_BYTES, MOST_BYTES],
  MessageRetentionPeriod: [60, 1_209_600, 345_600],
  ReceiveMessageWaitTimeSeconds: [0, 20, 0],
  VisibilityTimeout: [0, LONGEST_VISIBILITY_S, 30],
};

const TEXTS = new Set([
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoQueue",
  "FifoThroughputLimit",
  "Policy",
  "RedriveAllowPolicy",
  "RedrivePolicy",
  "SqsManagedSseEnabled",
]);

export interface Redrive {
  readonly target: string;
  readonly maxReceiveCount: number;
}

/** The attributes of one queue. */
export class Attributes {
  readonly #texts = new Map<string, string>();

  constructor(name: string, given: QueueAttributeTexts) {
    // "CreateQueue", FifoQueue: the name of a FIFO queue ends in .fifo, and no other does.
    if (name.endsWith(".fifo") !== (given["FifoQueue"] === "true")) {
      throw invalidValue(
        "The name of a FIFO queue can only include alphanumeric characters, and ends with .fifo",
      );
    }
    this.set(given);
  }

  set(given: QueueAttributeTexts): void {
    for (const [name, value] of Object.entries(given)) {
      const bounds = NUMBERS[name];
      if (bounds === undefined && !TEXTS.has(name)) {
        throw new SqsError("InvalidAttributeName", `Unknown Attribute ${name}.`);
      }
      const number = Number(value);
      if (bounds !== undefined && !(Number.isInteger(number) && number >= bounds[0] && number <= bounds[1])) {
        throw new SqsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
      }
      this.#texts.set(name, value);
    }
  }

  number(name: keyof typeof NUMBERS): number {
    return Number(this.#texts.get(name) ?? NUMBERS[name]?.[2]);
  }

  get fifo(): boolean {
    return this.#texts.get("FifoQueue") === "true";
  }

  get contentBasedDeduplication(): boolean {
    return this.#texts.get("ContentBasedDeduplication") === "true";
  }

  /** "SetQueueAttributes", DeduplicationScope: of the queue, unless it says of the group. */
  get deduplicatesByGroup(): boolean {
    return this.#texts.get("DeduplicationScope") === "messageGroup";
  }

  get redrive(): Redrive | null {
    const policy = this.#texts.get("RedrivePolicy");
    if (policy === undefined || policy === "") return null;
    const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(policy) as Record<string, unknown>;
    return {
      target: String(deadLetterTargetArn).split(":").pop() ?? "",
      maxReceiveCount: Number(maxReceiveCount),
    };
  }

  all(): Record<string, string> {
    const numbers = Object.keys(NUMBERS).map((name) => [name, String(this.number(name))]);
    return { ...(Object.fromEntries(numbers) as Record<string, string>), ...Object.fromEntries(this.#texts) };
  }
}
