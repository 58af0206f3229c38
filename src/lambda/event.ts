// What Lambda passes in, as far as it is read here. No type of AWS is imported: those of @types/aws-lambda fit.

/** One message, as the event source mapping of SQS hands it over. */
export interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: {
    readonly ApproximateReceiveCount: string;
    /** Unix milliseconds. */
    readonly SentTimestamp: string;
    /** FIFO queues only. */
    readonly MessageGroupId?: string | undefined;
  };
  readonly eventSourceARN: string;
}

/** What an event source mapping of SQS calls a function with. */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

/** What is read of a function's context. */
export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** What the mapping reads where it has `ReportBatchItemFailures`: the messages that are not done. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}
