import { isWaybillError, WaybillError } from "../../core/errors/errors.js";

/** The queue did not answer within the time that the adapter gives it. */
export class Unanswered extends Error {
  constructor() {
    super("The request was given up.");
    this.name = "Unanswered";
  }
}

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
}

function thrown(error: unknown): Thrown {
  return typeof error === "object" && error !== null ? error : {};
}

/**
 * The stable name of an error: SQS's own (`AccessDenied`), or the system's (`ECONNREFUSED`). Nothing else of it is ever
 * repeated: its text may quote an address, and with it what is secret.
 */
export function codeOf(error: unknown): string {
  const { name, code } = thrown(error);
  for (const each of [code, name]) if (typeof each === "string") return plainCode(each);
  return "unknown";
}

/** A code as it may stand in a sentence: a word, whatever was sent to us. */
export function plainCode(code: string): string {
  // Of the query protocol: `AWS.SimpleQueueService.NonExistentQueue`.
  const last = code.slice(code.lastIndexOf(".") + 1);
  return /^[A-Za-z0-9_]{1,60}$/.test(last) ? last : "unknown";
}

/** What happened, as a clause: for reasons and sentences alike. */
export function clauseOf(error: unknown): string {
  if (error instanceof Unanswered) return "SQS did not answer in time";
  const status = thrown(error).$metadata?.httpStatusCode;
  const verb = typeof status === "number" ? "SQS refused it" : "SQS could not be reached";
  return `${verb} (${codeOf(error)})`;
}

/** What was thrown, as the port says it; the SDK's own error is its cause. */
export function explained(error: unknown, what: string): WaybillError {
  if (isWaybillError(error)) return error;
  return new WaybillError("queue.unavailable", `${what}: ${clauseOf(error)}.`, { cause: error });
}

/** Whether SQS refuses a message for what it is: its characters, or its size. `code` and `text` of an error or an entry. */
export function isAboutContents(code: string, text: string): boolean {
  if (code === "InvalidMessageContents" || code === "BatchRequestTooLong") return true;
  // A message longer than the queue's MaximumMessageSize has no code of its own.
  return code === "InvalidParameterValue" && /must be shorter than/i.test(text);
}

export function textOf(error: unknown): string {
  const { message } = thrown(error);
  return typeof message === "string" ? message : "";
}

export function isDenied(error: unknown): boolean {
  return /^(AccessDenied|AccessDeniedException|KmsAccessDenied)$/.test(codeOf(error));
}

export function isMissing(error: unknown): boolean {
  return /^(QueueDoesNotExist|NonExistentQueue)$/.test(codeOf(error));
}

/** Whether SQS answered at all, whatever it said. */
export function isAnswer(error: unknown): boolean {
  return typeof thrown(error).$metadata?.httpStatusCode === "number";
}
