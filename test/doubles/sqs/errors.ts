/**
 * An error answer, as the JSON protocol carries it: `__type` in the body, and the code of the older query protocol in a
 * header. Codes: "API Reference", each action's Errors, and "Common Errors".
 */
export class SqsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }

  /** The header `x-amzn-query-error`. */
  get queryError(): string {
    return `${QUERY_CODES[this.code] ?? this.code};${this.status < 500 ? "Sender" : "Receiver"}`;
  }
}

/** Where the query protocol has another word than the JSON protocol. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  EmptyBatchRequest: "AWS.SimpleQueueService.EmptyBatchRequest",
  TooManyEntriesInBatchRequest: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
  BatchEntryIdsNotDistinct: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
  BatchRequestTooLong: "AWS.SimpleQueueService.BatchRequestTooLong",
  InvalidBatchEntryId: "AWS.SimpleQueueService.InvalidBatchEntryId",
  MessageNotInflight: "AWS.SimpleQueueService.MessageNotInflight",
  PurgeQueueInProgress: "AWS.SimpleQueueService.PurgeQueueInProgress",
  QueueNameExists: "QueueAlreadyExists",
};

export function invalidValue(reason: string): SqsError {
  return new SqsError("InvalidParameterValue", reason);
}
