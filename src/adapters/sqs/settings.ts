import type { SQSClient } from "@aws-sdk/client-sqs";
import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";
import { addressOf, type QueueAddress } from "./address.js";

/** A `SQSClient`, as far as the queue uses it. */
export type SqsClient = Pick<SQSClient, "send">;

/** Which queue `sqsQueue` works on. What SQS itself knows is read from there where it is left out. */
export interface SqsQueueOptions {
  /** Never closed and never changed by the queue. Its retries, proxies and credentials are yours. */
  readonly client: SqsClient;
  /** The URL of the queue. One that ends in `.fifo` is a FIFO queue. */
  readonly queueUrl: string;
  /**
   * Where its redrive policy moves what was received too often. With it, workers and reconcilers learn at once of a message
   * that was given up; the queue must then be Waybill's alone, since what is read there is removed. Without it, such jobs are
   * found by their age.
   *
   * @default its dead letters are not read
   */
  readonly deadLetterQueueUrl?: string | undefined;
  /** Receives after which SQS moves a message to its dead letters. @default read from the redrive policy */
  readonly maxReceives?: number | undefined;
  /**
   * How long a received message is hidden, whole seconds in milliseconds, up to 12 h. Given, it is asked for with each
   * receive, whatever the queue says.
   *
   * @default the queue's own
   */
  readonly visibilityMs?: number | undefined;
}

export interface Settings {
  readonly client: SqsClient;
  readonly address: QueueAddress;
  readonly deadLetters: QueueAddress | null;
  readonly maxReceives: number | null;
  readonly visibilityMs: number | null;
}

/** The longest that SQS hides a message, counted from its receive (12 h). */
export const LONGEST_HIDDEN_MS = 43_200_000;

/** The most receives that a redrive policy can allow. */
const MOST_RECEIVES = 1_000;

const OPTIONS = ["client", "queueUrl", "deadLetterQueueUrl", "maxReceives", "visibilityMs"];

/** @throws WaybillError `config.invalid` */
export function settingsOf(options: SqsQueueOptions): Settings {
  requireOptions("sqsQueue", options, OPTIONS);
  const { client, queueUrl, deadLetterQueueUrl, maxReceives = null, visibilityMs = null } = options;
  // JavaScript may pass anything, a configuration object of the client before all.
  if (typeof (client as Partial<SqsClient> | undefined)?.send !== "function") {
    throw new WaybillError("config.invalid", "client must be a SQSClient of @aws-sdk/client-sqs.");
  }
  const address = addressOf("queueUrl", queueUrl);
  const deadLetters =
    deadLetterQueueUrl === undefined ? null : addressOf("deadLetterQueueUrl", deadLetterQueueUrl);
  if (deadLetters !== null && isSame(address, deadLetters)) {
    throw new WaybillError("config.invalid", "deadLetterQueueUrl is the queue itself.");
  }
  if (maxReceives !== null && !(isWhole(maxReceives) && maxReceives >= 1 && maxReceives <= MOST_RECEIVES)) {
    throw new WaybillError(
      "config.invalid",
      `maxReceives must be a whole number from 1 to ${MOST_RECEIVES}.`,
    );
  }
  if (visibilityMs !== null && !isVisibility(visibilityMs)) {
    throw new WaybillError(
      "config.invalid",
      `visibilityMs must be whole seconds, from 1_000 to ${LONGEST_HIDDEN_MS} milliseconds.`,
    );
  }
  return { client, address, deadLetters, maxReceives, visibilityMs };
}

function isSame(one: QueueAddress, other: QueueAddress): boolean {
  return one.name === other.name && one.account === other.account && one.region === other.region;
}

function isWhole(value: number): boolean {
  return Number.isInteger(value);
}

function isVisibility(ms: number): boolean {
  return isWhole(ms) && ms % 1_000 === 0 && ms >= 1_000 && ms <= LONGEST_HIDDEN_MS;
}
