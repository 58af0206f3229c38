import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { createWaybill } from "waybill";
import { dynamodbStore } from "waybill/dynamodb";
import { sqsQueue } from "waybill/sqs";
import { openAlerts } from "./alerts.js";
import { recover } from "./recovery.job.js";

export type RecoveryWaybill = ReturnType<typeof openWaybill>["waybill"];

/** What the environment has to say. The AWS clients find region, credentials and endpoints there by themselves. */
interface Environment {
  readonly RECOVERY_TABLE: string;
  readonly RECOVERY_QUEUE_URL: string;
  readonly ALERTS_URL: string;
  readonly ALERTS_SECRET: string;
}

/** The same composition for API and worker. */
export function openWaybill(environment = process.env as unknown as Environment) {
  const dynamodb = new DynamoDBClient();
  const sqs = new SQSClient();
  const waybill = createWaybill({
    jobs: [recover],
    store: dynamodbStore({ client: dynamodb, table: environment.RECOVERY_TABLE }),
    queue: sqsQueue({ client: sqs, queueUrl: environment.RECOVERY_QUEUE_URL }),
    notifiers: { alerts: openAlerts(environment.ALERTS_URL, environment.ALERTS_SECRET) },
    // People watch a minute pass in a second and a half here: what a killed process held comes free within seconds, and what
    // is due is looked for several times a second. In your service leave these out.
    policy: {
      reconcileIdleMs: 300,
      reconcileBusyMs: 200,
      takeDueHoldMs: 3_000,
      pollLeaseMs: 3_000,
      sendGraceMs: 2_000,
    },
  });
  return {
    waybill,
    close: async () => {
      await waybill.close();
      dynamodb.destroy();
      sqs.destroy();
    },
  };
}
