import { createHash } from "node:crypto";
import type { SendMessageBatchCommandOutput, SendMessageBatchRequestEntry } from "@aws-sdk/client-sqs";
import { MOST_QUEUE_ID_CHARS, type OutgoingMessage, type SendResult } from "../../core/ports/queue.js";
import { clauseOf, codeOf, isAboutContents, plainCode, textOf } from "./errors.js";
import type { Requests } from "./requests.js";

/** The longest that SQS delays a message (15 min). */
export const LONGEST_DELAY_MS = 900_000;

/** Letters, digits and the punctuation of ASCII: what SQS takes in the ids of a FIFO message. */
const LEGAL_ID = new RegExp(`^[\\x21-\\x7e]{1,${MOST_QUEUE_ID_CHARS}}$`);

/** Sends up to ten messages in one request, and says of each what is known. Never rejects. */
export async function sendBatch(
  requests: Requests,
  fifo: boolean,
  messages: readonly OutgoingMessage[],
): Promise<readonly SendResult[]> {
  return sendEntries(
    requests,
    messages.map((message, place) => entryOf(message, String(place), fifo)),
  );
}

async function sendEntries(
  requests: Requests,
  entries: SendMessageBatchRequestEntry[],
): Promise<readonly SendResult[]> {
  try {
    return accounted(entries, await requests.send({ Entries: entries }));
  } catch (error) {
    if (!isAboutContents(codeOf(error), textOf(error)))
      return entries.map(() => ({ status: "unknown", reason: clauseOf(error) }));
    if (entries.length === 1) return [rejected(codeOf(error))];
    // Refused as a whole for the sake of one, and none of them was taken: each half stands for itself.
    const middle = Math.ceil(entries.length / 2);
    const halves = [entries.slice(0, middle), entries.slice(middle)];
    return (await Promise.all(halves.map((half) => sendEntries(requests, half)))).flat();
  }
}

/** What is in both lists or in neither may or may not have been taken. */
function accounted(
  entries: readonly SendMessageBatchRequestEntry[],
  { Successful = [], Failed = [] }: SendMessageBatchCommandOutput,
): SendResult[] {
  const sent = new Set(Successful.map(({ Id }) => Id));
  const failed = new Map(Failed.map((failure) => [failure.Id, failure]));
  return entries.map(({ Id }) => {
    const failure = failed.get(Id);
    if (sent.has(Id) === (failure !== undefined))
      return { status: "unknown", reason: "SQS did not account for the message" };
    if (failure === undefined) return { status: "sent" };
    const code = plainCode(failure.Code ?? "");
    return isAboutContents(code, failure.Message ?? "")
      ? rejected(code)
      : { status: "unknown", reason: `SQS did not take the message (${code})` };
  });
}

function rejected(code: string): SendResult {
  return { status: "rejected", reason: `SQS cannot hold the message (${code})` };
}

function entryOf(message: OutgoingMessage, id: string, fifo: boolean): SendMessageBatchRequestEntry {
  const { body, delayMs, dedupId, groupId } = message;
  if (fifo) {
    // A FIFO queue refuses a message with a delay of its own.
    return {
      Id: id,
      MessageBody: body,
      MessageGroupId: legalId(groupId),
      MessageDeduplicationId: legalId(dedupId),
    };
  }
  // Always said: without it the queue's own delay would apply. Up, since nothing may come before its time.
  return {
    Id: id,
    MessageBody: body,
    DelaySeconds: Math.ceil(Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS) / 1_000),
  };
}

/** An id that SQS takes: as it is, or hashed. Equal stays equal, which is all that an id is for. */
function legalId(id: string): string {
  // As JSON, since half a surrogate pair has no UTF-8 of its own.
  return LEGAL_ID.test(id) ? id : createHash("sha256").update(JSON.stringify(id)).digest("hex");
}
