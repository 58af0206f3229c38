import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { createWaybill, type Logger, type Telemetry, type Waybill } from "waybill";
import { dynamodbStore } from "waybill/dynamodb";
import { sqsQueue } from "waybill/sqs";
import { notification } from "./notification.job.js";

export type NotificationWaybill = Waybill<typeof notification>;

export interface Opened {
  readonly waybill: NotificationWaybill;
  readonly dynamodb: DynamoDBClient;
  readonly close: () => Promise<void>;
}

export interface OpenOptions {
  readonly table: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl?: string;
  readonly logger?: Logger;
  readonly telemetry?: Telemetry;
  /** History that is trimmed goes where the audit list of years is kept. */
  readonly onTrim?: (jobId: string, entries: readonly object[]) => void;
}

/** The same composition for API, worker and operators. Region, credentials and endpoints come from the environment. */
export function openWaybill(options: OpenOptions): Opened {
  const { table, queueUrl, deadLetterQueueUrl, logger, telemetry, onTrim } = options;
  const dynamodb = new DynamoDBClient();
  // Three tries are the SDK's own default, as the service had them.
  const sqs = new SQSClient();
  const waybill = createWaybill({
    jobs: [notification],
    store: dynamodbStore({ client: dynamodb, table }),
    queue: sqsQueue({ client: sqs, queueUrl, deadLetterQueueUrl }),
    // Its callers wait: a store that is out of reach is said to be after three seconds.
    policy: { sendGraceMs: 3_000, reconcileIdleMs: 1_000, reconcileBusyMs: 500, unknownRetryMs: 3_000 },
    logger,
    telemetry,
    ...(onTrim === undefined ? {} : { onTrim }),
  });
  return {
    waybill,
    dynamodb,
    close: async () => {
      await waybill.close();
      // A receive that was under way ends with its connection.
      sqs.destroy();
      dynamodb.destroy();
    },
  };
}
