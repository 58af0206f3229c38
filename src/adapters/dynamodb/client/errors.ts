import {
  isWaybillError,
  StoreNotMigratedError,
  StoreUnavailableError,
  WaybillError,
} from "../../../core/errors/errors.js";

/** What a request may leave behind when it fails. */
export type Effect = "reads" | "writes";

/**
 * What an error says about its request.
 *
 * - `condition`: the condition did not hold, and nothing was written.
 * - `busy`: refused for now, and nothing was written.
 * - `refused`: refused for good, or never sent: nothing was written.
 * - `doubt`: it may have been written.
 */
export type Verdict = "condition" | "busy" | "refused" | "doubt";

const BUSY = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "Throttling",
  "RequestLimitExceeded",
  "TransactionConflictException",
  "TransactionInProgressException",
  "LimitExceededException",
]);

const UNSENT =
  "The client of the DynamoDB store could not send a request: look at its region, credentials and endpoint.";

/** The connection was never there. */
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
  readonly $response?: { readonly statusCode?: unknown };
}

/** By name, not by class: the client may come from another copy of the SDK. */
export function verdictOn(error: unknown): Verdict {
  const { name, code, $metadata, $response } = thrown(error);
  if (name === "ConditionalCheckFailedException") return "condition";
  if (typeof name === "string" && BUSY.has(name)) return "busy";
  if (typeof code === "string" && NEVER_CONNECTED.has(code)) return "refused";
  const status = $metadata?.httpStatusCode ?? $response?.statusCode;
  // The service answered that it did not take the request. Answers of 500 and above say nothing about the write.
  return typeof status === "number" && status >= 400 && status < 500 ? "refused" : "doubt";
}

/** Whether asking again soon may help: refused for now, or a fault of the service itself. */
export function isWorthRepeating(error: unknown): boolean {
  const { name } = thrown(error);
  return verdictOn(error) === "busy" || name === "InternalServerError" || name === "ServiceUnavailable";
}

function thrown(error: unknown): Thrown {
  return typeof error === "object" && error !== null ? error : {};
}

/** What is known of the tries of a request. */
interface Tried {
  /** One of them may have been applied. */
  readonly doubt: boolean;
  /** The last time the client had not got as far as to send it. */
  readonly isUnsent: boolean;
}

/** What was thrown, as the port says it. The SDK's own words stay in `cause`: they may quote keys or values. */
export function explained(error: unknown, effect: Effect, { doubt, isUnsent }: Tried): unknown {
  if (isWaybillError(error)) return error;
  const outcome = effect === "writes" && doubt ? "unknown" : "not_applied";
  // Whatever its name: it comes from the client's own parts, and not from the table.
  if (isUnsent) return new StoreUnavailableError(UNSENT, { outcome, cause: error });
  const { name, message } = thrown(error);
  const text = typeof message === "string" ? message : "";
  if (name === "ResourceNotFoundException" || isIndexMissing(name, text)) {
    return new StoreNotMigratedError(
      "The table of the DynamoDB store, or one of its indexes, does not exist in the account and region of its client.",
    );
  }
  if (name === "ValidationException" && /item size/i.test(text) && !doubt) {
    return new WaybillError("input.too_large", "A record would be larger than DynamoDB's 400 KB.", {
      cause: error,
    });
  }
  return new StoreUnavailableError(sentenceOf(error), { outcome, cause: error });
}

function isIndexMissing(name: unknown, text: string): boolean {
  return name === "ValidationException" && /does not have the specified index/i.test(text);
}

function sentenceOf(error: unknown): string {
  const { name, code } = thrown(error);
  if (name === "AccessDeniedException") return "The credentials of the DynamoDB store lack a permission.";
  if (name === "TransactionConflictException")
    return "A transaction of others holds an item of the DynamoDB store.";
  if (typeof code === "string" && NEVER_CONNECTED.has(code)) return "DynamoDB could not be reached.";
  const verdict = verdictOn(error);
  if (verdict === "busy") return "DynamoDB throttles the store, and went on doing so.";
  if (verdict === "refused") return "DynamoDB refused a request of the store.";
  return "DynamoDB did not answer a request of the store.";
}

/** The item that a refused condition met, where the engine returns it. */
export function itemOfRefusal(error: unknown): unknown {
  return (error as { readonly Item?: unknown }).Item;
}
