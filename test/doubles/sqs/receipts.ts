import { SqsError } from "./errors.js";

/** What a receipt handle stands for: one receive of one message of one queue. */
export interface Receipt {
  readonly queue: string;
  readonly messageId: string;
  readonly receive: number;
}

export function handleOf({ queue, messageId, receive }: Receipt): string {
  return `AQEB${Buffer.from(JSON.stringify([queue, messageId, receive])).toString("base64url")}`;
}

/** "DeleteMessage", Errors: ReceiptHandleIsInvalid, for what this queue never gave out. */
export function receiptOf(handle: unknown, queue: string): Receipt {
  try {
    const [of, messageId, receive] = JSON.parse(
      Buffer.from(String(handle).slice(4), "base64url").toString(),
    ) as [string, string, number];
    if (of === queue) return { queue, messageId, receive };
  } catch {
    // Not one of ours.
  }
  throw new SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404);
}
