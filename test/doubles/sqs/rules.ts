import { invalidValue, SqsError } from "./errors.js";

/** One entry of a batch, or the whole input of a call for one message. */
export type Input = Readonly<Record<string, unknown>>;

/** "Message quotas": characters that a body may have; others are refused with InvalidMessageContents. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const ILLEGAL_BODY = /[^\u0009\u000a\u000d\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** "SendMessage", MessageDeduplicationId and MessageGroupId: up to 128 of letters, digits and ASCII punctuation. */
const LEGAL_ID = /^[a-zA-Z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/;

/** "SendMessageBatchRequestEntry", Id: up to 80 letters, digits, hyphens and underscores. */
const LEGAL_ENTRY_ID = /^[A-Za-z0-9_-]{1,80}$/;

/** "Message quotas": a message, and all of a batch together, are at most 1 MiB. */
export const MOST_BYTES = 1_048_576;

/** "Message quotas": a visibility is from 0 to 43,200 s, and in all no longer than that from the receive on. */
export const LONGEST_VISIBILITY_S = 43_200;

/** "SendMessage", DelaySeconds: 0 to 900. */
const LONGEST_DELAY_S = 900;

export function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value === "string" && value !== "") return value;
  throw new SqsError("MissingParameter", `The request must contain the parameter ${name}.`);
}

export function wholeNumber(
  input: Input,
  name: string,
  least: number,
  most: number,
  otherwise: number,
): number {
  const value = input[name];
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw invalidValue(
    `Value ${JSON.stringify(value)} for parameter ${name} is invalid. Reason: Must be between ${least} and ${most}, if provided.`,
  );
}

export function checkBody(body: string, maximumBytes: number): void {
  if (ILLEGAL_BODY.test(body)) {
    throw new SqsError("InvalidMessageContents", "Invalid characters found in the message body.");
  }
  if (Buffer.byteLength(body) > maximumBytes) {
    throw invalidValue(
      `One or more parameters are invalid. Reason: Message must be shorter than ${maximumBytes} bytes.`,
    );
  }
}

export function checkId(input: Input, name: string): void {
  if (LEGAL_ID.test(String(input[name]))) return;
  throw invalidValue(
    `Value for parameter ${name} is invalid. Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

/** "SendMessage", DelaySeconds: for a FIFO queue it cannot be set per message. */
export function delayOf(input: Input, fifo: boolean, queueDelayS: number): number {
  if (fifo && input["DelaySeconds"] !== undefined) {
    throw invalidValue(
      "Value for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    );
  }
  return wholeNumber(input, "DelaySeconds", 0, LONGEST_DELAY_S, queueDelayS) * 1_000;
}

/** "SendMessageBatch", Errors: what refuses a batch as a whole. */
export function entriesOf(input: Input): readonly Input[] {
  const entries = (input["Entries"] ?? []) as readonly Input[];
  if (entries.length === 0) {
    throw new SqsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries.length > 10) {
    throw new SqsError(
      "TooManyEntriesInBatchRequest",
      "Maximum number of entries per request are 10. You have sent more.",
    );
  }
  const ids = entries.map(({ Id }) => String(Id));
  if (!ids.every((id) => LEGAL_ENTRY_ID.test(id))) {
    throw new SqsError("InvalidBatchEntryId", "A batch entry id is not of its form.");
  }
  if (new Set(ids).size < ids.length) {
    throw new SqsError("BatchEntryIdsNotDistinct", "Two entries have the same id.");
  }
  const bytes = entries.map(({ MessageBody }) =>
    Buffer.byteLength(typeof MessageBody === "string" ? MessageBody : ""),
  );
  if (bytes.reduce((sum, each) => sum + each, 0) > MOST_BYTES) {
    throw new SqsError("BatchRequestTooLong", `Batch requests cannot be longer than ${MOST_BYTES} bytes.`);
  }
  return entries;
}
