// The deployment package of the tests: a Waybill over a SQLite file and SQS, as a Lambda function has it.
import { SQSClient } from "@aws-sdk/client-sqs";
import Database from "libsql";
import { createWaybill, defineJob } from "waybill";
import { deadLetterHandler, scheduledHandler, sqsHandler, type SqsFunction } from "waybill/lambda";
import { sqliteStore } from "waybill/sqlite";
import { sqsQueue } from "waybill/sqs";
import { z } from "zod";

/** A lease that a frozen process loses soon. */
export const LEASE_MS = 1_000;

export const greet = defineJob({
  kind: "greet",
  input: z.object({ name: z.string(), waitMs: z.number().default(0) }),
  output: z.object({ greeting: z.string(), by: z.string() }),
  leaseMs: LEASE_MS,
  retry: { maxAttempts: 5, baseMs: 100, capMs: 100 },
});

export interface Place {
  readonly STORE_FILE: string;
  readonly QUEUE_URL: string;
  readonly DEAD_QUEUE_URL: string;
}

/** The same composition for the functions and for the test. */
export function openWaybill({ STORE_FILE, QUEUE_URL, DEAD_QUEUE_URL }: Place, client: SQSClient) {
  const db = new Database(STORE_FILE);
  return createWaybill({
    jobs: [greet],
    store: sqliteStore({ db }),
    queue: sqsQueue({ client, queueUrl: QUEUE_URL, deadLetterQueueUrl: DEAD_QUEUE_URL }),
    policy: { sendGraceMs: 300, redispatchAfterMs: 60_000, redriveAfterMs: 0 },
  });
}

/** Says which process it was. */
export const greeting = (by: string) =>
  greet.handle(async ({ input }) => {
    await new Promise((resolve) => setTimeout(resolve, input.waitMs));
    return { greeting: `Hello ${input.name}`, by };
  });

const isFunction = process.env["AWS_LAMBDA_RUNTIME_API"] !== undefined;
const functions = isFunction ? open() : null;

function open() {
  const waybill = openWaybill(process.env as unknown as Place, new SQSClient());
  const handlers = [greeting("lambda")];
  return {
    work: sqsHandler(waybill, handlers, { reportBatchItemFailures: true, reserveMs: 500 }),
    dead: deadLetterHandler(waybill, { reportBatchItemFailures: true, reserveMs: 500 }),
    tick: scheduledHandler(waybill, handlers, { reserveMs: 500 }),
  };
}

export const work: SqsFunction | undefined = functions?.work;
export const dead: SqsFunction | undefined = functions?.dead;
export const tick: ReturnType<typeof scheduledHandler> | undefined = functions?.tick;
