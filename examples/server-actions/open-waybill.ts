import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { createWaybill, type Logger, type Waybill } from "waybill";
import type { AppSyncNotifier } from "waybill/appsync";
import { dynamodbStore } from "waybill/dynamodb";
import { sqsQueue } from "waybill/sqs";
import { openAppSync, tellUnreadable } from "./appsync.js";
import { serverAction } from "./server-action.job.js";

export type ActionsWaybill = Waybill<typeof serverAction>;

export interface Opened {
  readonly waybill: ActionsWaybill;
  readonly ui: AppSyncNotifier;
  readonly close: () => Promise<void>;
}

/** What the environment has to say. The AWS clients find region, credentials and endpoints there by themselves. */
interface Environment {
  readonly APPSYNC_URL: string;
  readonly APPSYNC_API_KEY: string;
  readonly ACTIONS_TABLE: string;
  readonly ACTIONS_QUEUE_URL: string;
}

/** The same composition for resolver and processor. */
export function openWaybill(logger?: Logger, environment = process.env as unknown as Environment): Opened {
  const ui = openAppSync(environment.APPSYNC_URL, environment.APPSYNC_API_KEY);
  const dynamodb = new DynamoDBClient();
  const sqs = new SQSClient();
  const waybill = createWaybill({
    jobs: [serverAction],
    store: dynamodbStore({ client: dynamodb, table: environment.ACTIONS_TABLE }),
    queue: sqsQueue({ client: sqs, queueUrl: environment.ACTIONS_QUEUE_URL }),
    notifiers: { ui },
    logger,
    onParked: ({ body }, reason) => tellUnreadable(ui, body, reason),
  });
  return {
    waybill,
    ui,
    close: async () => {
      await waybill.close();
      dynamodb.destroy();
      sqs.destroy();
    },
  };
}
