// The same service as it was written first: a row, a message with all that the work needs, and a function that logs what
// goes wrong.
import { SendMessageCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import type { Pool } from "pg";

const TASKS = `
  create table if not exists naive_tasks (
    id bigint generated always as identity primary key,
    title text not null,
    description text,
    status text not null default 'pending',
    result jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  )`;

export async function createNaiveTables(pool: Pool): Promise<void> {
  await pool.query(TASKS);
}

interface NaiveMessage {
  readonly taskId: number;
  readonly title: string;
  readonly description: string | null;
}

/** Writes the row, sends the message, and answers at once. An error of the send is raised. */
export async function createNaiveTask(
  pool: Pool,
  sqs: SQSClient,
  queueUrl: string,
  { title, description = null }: { readonly title: string; readonly description?: string | null },
): Promise<{ readonly id: number; readonly status: "pending" }> {
  const { rows } = await pool.query<{ id: number }>(
    "insert into naive_tasks (title, description) values ($1, $2) returning id::int",
    [title, description],
  );
  const [{ id }] = rows as [{ id: number }];
  const message: NaiveMessage = { taskId: id, title, description };
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) }));
  return { id, status: "pending" };
}

const TASK_MS = Number(process.env["TASK_MS"] ?? 500);

let pool: Promise<Pool> | null = null;

/** The driver comes with a layer, or is loaded when it is first used. */
async function connection(): Promise<Pool> {
  pool ??= import("pg").then(({ default: pg }) => {
    const made = new pg.Pool({
      connectionString: process.env["DATABASE_URL"],
      connectionTimeoutMillis: 2_000,
    });
    made.on("error", (error) => {
      console.error(`a connection to Postgres was lost: ${error.message}`);
    });
    return made;
  });
  return pool;
}

async function processTask({ taskId, title, description }: NaiveMessage): Promise<void> {
  const db = await connection();
  await db.query("update naive_tasks set status = 'processing', updated_at = now() where id = $1", [taskId]);
  await new Promise((resolve) => setTimeout(resolve, TASK_MS));
  const result = JSON.stringify({ title, processedAt: new Date().toISOString(), description });
  await db.query(
    "update naive_tasks set status = 'completed', result = $2, updated_at = now() where id = $1",
    [taskId, result],
  );
}

/** What went wrong is in the log; the answer is 200, and SQS deletes the messages. */
export async function handler(event: SQSEvent): Promise<{ readonly processed: number }> {
  await Promise.all(
    event.Records.map(async ({ body }) => {
      try {
        await processTask(JSON.parse(body) as NaiveMessage);
      } catch (error) {
        console.error("could not process a task", error instanceof Error ? error.message : error);
      }
    }),
  );
  return { processed: event.Records.length };
}

/** The kindest variant: what goes wrong is raised, so that the whole batch comes again. */
export async function kindHandler(event: SQSEvent): Promise<{ readonly processed: number }> {
  await Promise.all(event.Records.map(({ body }) => processTask(JSON.parse(body) as NaiveMessage)));
  return { processed: event.Records.length };
}
