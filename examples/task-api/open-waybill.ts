import { SQSClient } from "@aws-sdk/client-sqs";
import pg from "pg";
import { createWaybill } from "waybill";
import { type PostgresStore, postgresStore } from "waybill/postgres";
import { sqsQueue } from "waybill/sqs";
import { createTables } from "./tables.js";
import { task } from "./task.job.js";
import { tasksRow } from "./tasks-row.js";

/** What the environment has to say. The AWS client finds region, credentials and endpoint there by itself. */
interface Environment {
  readonly DATABASE_URL: string;
  readonly TASKS_QUEUE_URL: string;
  readonly TASKS_DEAD_QUEUE_URL: string;
}

function compose(store: PostgresStore, pool: pg.Pool, sqs: SQSClient, environment: Environment) {
  return createWaybill({
    jobs: [task],
    store,
    queue: sqsQueue({
      client: sqs,
      queueUrl: environment.TASKS_QUEUE_URL,
      deadLetterQueueUrl: environment.TASKS_DEAD_QUEUE_URL,
    }),
    notifiers: { row: tasksRow(pool) },
    // Somebody is watching this example: the defaults wait 15 s and a minute.
    policy: { sendGraceMs: 3_000, redriveAfterMs: 1_000 },
  });
}

export type TaskWaybill = ReturnType<typeof compose>;

export interface OpenTasks {
  readonly waybill: TaskWaybill;
  readonly pool: pg.Pool;
  /** A service does this in its deploy; several processes may do it at once. */
  readonly migrate: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The same composition for the API and every function. */
export function openWaybill(environment = process.env as unknown as Environment): OpenTasks {
  const pool = new pg.Pool({
    connectionString: environment.DATABASE_URL,
    max: 10,
    connectionTimeoutMillis: 10_000,
  });
  // An idle connection that breaks is replaced; unheard, its error would end the process.
  pool.on("error", (error) => {
    console.error(`a connection to Postgres was lost: ${error.message}`);
  });
  const sqs = new SQSClient();
  const store = postgresStore({ client: pool });
  const waybill = compose(store, pool, sqs, environment);
  return {
    waybill,
    pool,
    migrate: async () => {
      await store.migrate();
      await createTables(pool);
    },
    close: async () => {
      await waybill.close();
      await pool.end();
      sqs.destroy();
    },
  };
}
