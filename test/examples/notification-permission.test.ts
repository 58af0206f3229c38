import { SQSClient } from "@aws-sdk/client-sqs";
import { createWaybill, memoryStore } from "waybill";
import { sqsQueue } from "waybill/sqs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { notification } from "../../examples/notification-pipeline/notification.job.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { REGION } from "../doubles/sqs/account.js";
import { CREDENTIALS, networkSettles } from "../doubles/sqs/bench.js";
import { DENIED } from "../doubles/sqs/faults.js";
import { startSqs, type SqsDouble } from "../doubles/sqs/server.js";

const MINUTE_MS = 60_000;
const quiet = (): void => {};
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

let sqs: SqsDouble;
let client: SQSClient;

beforeEach(async () => {
  sqs = await startSqs({ queues: { notifications: {} } });
  client = new SQSClient({ endpoint: sqs.endpoint, region: REGION, credentials: CREDENTIALS });
});
afterEach(async () => {
  client.destroy();
  await sqs.close();
});

it("a permission that is lost for five minutes fails nothing: every message is sent once it is back", async () => {
  const clock = fakeClock();
  const waybill = createWaybill({
    jobs: [notification],
    store: memoryStore(),
    queue: sqsQueue({ client, queueUrl: sqs.queueUrl("notifications") }),
    clock,
    logger: SILENT,
  });
  const statuses = async () =>
    (await waybill.list({ kind: notification.kind, limit: 100 })).items.map(({ status }) => status);
  /** Lets the reconciler do what is due, over the network too. */
  const pass = async (): Promise<void> => {
    await clock.advance(5_000);
    await Promise.all([waybill.reconcile(), networkSettles()]);
  };
  sqs.faults.always("SendMessageBatch", DENIED);
  for (const id of ["m-1", "m-2", "m-3"]) {
    const job = await waybill.submit(notification, { id, text: "hello" }).unwrap();
    expect([job.status, job.dispatch]).toEqual(["PENDING", "unconfirmed"]);
  }
  for (let ms = 0; ms < 5 * MINUTE_MS; ms += 5_000) await pass();
  expect(await statuses()).toEqual(["PENDING", "PENDING", "PENDING"]);
  // It was tried again and again.
  expect(sqs.requests.count("SendMessageBatch")).toBeGreaterThan(6);
  expect(sqs.counts("notifications").visible).toBe(0);
  sqs.faults.heal();
  for (let ms = 0; ms < 10 * MINUTE_MS; ms += 5_000) await pass();
  expect(await statuses()).toEqual(["QUEUED", "QUEUED", "QUEUED"]);
  expect(sqs.counts("notifications").visible).toBe(3);
  await waybill.close();
});
