import { SQSClient } from "@aws-sdk/client-sqs";
import type { Handler } from "waybill";
import { create } from "../../examples/task-api/api.js";
import { openWaybill, type OpenTasks } from "../../examples/task-api/open-waybill.js";
import { readTask, type TaskRow } from "../../examples/task-api/tables.js";
import { processTask, type task } from "../../examples/task-api/task.job.js";
import { sqsHandler } from "../../src/lambda.js";
import { type Batch, EventSourceMapping, type MappingOptions } from "../doubles/lambda/mapping.js";
import { REGION } from "../doubles/sqs/account.js";
import { CREDENTIALS } from "../doubles/sqs/bench.js";
import { startSqs, type SqsDouble } from "../doubles/sqs/server.js";
import { postgresServer } from "../support/postgres-server.js";

export interface WorkOptions {
  readonly handler?: Handler<typeof task>;
  /** @default true */
  readonly reportBatchItemFailures?: boolean;
  /** What a function has left. @default 20 s */
  readonly remainingMs?: number;
}

/** The parts of the task API on a Postgres and an SQS of the test file's own. */
export interface TasksBench extends OpenTasks {
  readonly databaseUrl: string;
  readonly sqs: SqsDouble;
  readonly client: SQSClient;
  row(id: number): Promise<TaskRow | null>;
  post(title: string, description?: string | null): Promise<number>;
  /** A mapping of a queue to a function. */
  mapping(
    queue: string,
    options: Pick<MappingOptions, "invoke" | "reportBatchItemFailures">,
  ): EventSourceMapping;
  /** Lets a function do what waits in the queue. */
  work(options?: WorkOptions): Promise<readonly Batch[]>;
}

const NAMES = ["AWS_ENDPOINT_URL_SQS", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

export async function openTasksBench(): Promise<TasksBench> {
  const { port } = await postgresServer();
  const databaseUrl = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
  const sqs = await startSqs({ queues: { tasks: {}, "tasks-dead": {} } });
  // The application's client finds them where the AWS SDK looks by itself.
  const before = NAMES.map((name) => process.env[name]);
  const values = [sqs.endpoint, REGION, CREDENTIALS.accessKeyId, CREDENTIALS.secretAccessKey];
  for (const [place, name] of NAMES.entries()) process.env[name] = values[place];
  const client = new SQSClient();
  const open = openWaybill({
    DATABASE_URL: databaseUrl,
    TASKS_QUEUE_URL: sqs.queueUrl("tasks"),
    TASKS_DEAD_QUEUE_URL: sqs.queueUrl("tasks-dead"),
  });
  await open.migrate();
  const mapping: TasksBench["mapping"] = (queue, options) =>
    new EventSourceMapping({
      ...{ client, queueUrl: sqs.queueUrl(queue), queueArn: sqs.queueArn(queue) },
      ...options,
    });
  return {
    ...{ ...open, databaseUrl, sqs, client, mapping },
    row: (id) => readTask(open.pool, id),
    async post(title, description = null) {
      const answer = await create(open.waybill, open.pool, { title, description });
      return (answer.body as { readonly id: number }).id;
    },
    async work({ handler = processTask, reportBatchItemFailures = true, remainingMs = 20_000 } = {}) {
      const fn = sqsHandler(open.waybill, [handler], { reportBatchItemFailures });
      const invoke: MappingOptions["invoke"] = async (event) => {
        const end = Date.now() + remainingMs;
        const context = { getRemainingTimeInMillis: () => end - Date.now() };
        return { status: "answered", body: JSON.stringify(await fn(event as never, context)) };
      };
      const mapped = mapping("tasks", { reportBatchItemFailures, invoke });
      const batches: Batch[] = [];
      for (let batch = await mapped.pollOnce(); batch !== null; batch = await mapped.pollOnce())
        batches.push(batch);
      return batches;
    },
    async close() {
      await open.close();
      client.destroy();
      await sqs.close();
      for (const [place, name] of NAMES.entries()) {
        const value = before[place];
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    },
  };
}
