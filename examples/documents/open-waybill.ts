import { connect } from "amqplib";
import pg from "pg";
import { createWaybill, type Logger } from "waybill";
import { type PostgresStore, postgresStore } from "waybill/postgres";
import {
  type RabbitmqConnection,
  rabbitmqConnection,
  rabbitmqFeed,
  rabbitmqNotifier,
} from "waybill/rabbitmq";
import { ingest, provision } from "./documents.jobs.js";
import { declareQueues, handOverExchange } from "./loops.js";
import { migrate } from "./migrations.js";
import { NAMES } from "./page/words.js";
import { statusColumn } from "./status-column.js";

/** What the environment has to say. */
export interface Environment {
  readonly DATABASE_URL: string;
  readonly RABBITMQ_URL: string;
  readonly RABBITMQ_EXCHANGE: string;
}

function compose(
  store: PostgresStore,
  pool: pg.Pool,
  connection: RabbitmqConnection,
  { RABBITMQ_EXCHANGE: exchange }: Environment,
) {
  const documentOf = ({ subject }: { readonly subject: string | null }) => subject?.split(":")[1] ?? null;
  return createWaybill({
    jobs: [ingest, provision],
    store,
    feed: rabbitmqFeed({ connection, exchange: `${exchange}.hints` }),
    notifiers: {
      // What everybody may hear: document.status.updated, workspace.status.updated.
      events: rabbitmqNotifier({
        ...{ connection, exchange, format: "flat", kinds: ["document.process", "workspace.provision"] },
        name: (kind) => NAMES[kind],
        fields: (event) => ({ [`${NAMES[event.kind as keyof typeof NAMES]}_id`]: documentOf(event) }),
      }),
      // The ingest worker's own message, sent by the outbox: a job that is PENDING, anew or again, is to be claimed.
      ingest: rabbitmqNotifier({
        ...{ connection, exchange: handOverExchange(exchange), format: "flat", kinds: ["document.process"] },
        on: ["job.created", "job.retrying"],
        name: () => "document",
        fields: (event) => ({ document_id: documentOf(event) }),
      }),
      column: statusColumn(pool),
    },
    logger: terse(),
    // Somebody is watching this example: what a killed process held comes free within seconds, and what is due is looked for
    // several times a second. In your service leave these out.
    policy: {
      ...{ reconcileIdleMs: 300, reconcileBusyMs: 200, takeDueHoldMs: 3_000, notifyGraceMs: 1_000 },
      ...{ pollEveryMs: 500, pollLeaseMs: 3_000, watchEveryMs: 2_000 },
    },
  });
}

/** Says a sentence once in a while: what cannot be reached is asked for several times a second here. */
function terse(everyMs = 10_000): Logger {
  const saidAt = new Map<string, number>();
  const say = (message: string): void => {
    if (Date.now() - (saidAt.get(message) ?? 0) < everyMs) return;
    saidAt.set(message, Date.now());
    console.error(`waybill: ${message}`);
  };
  const nothing = (): void => undefined;
  return { debug: nothing, info: nothing, warn: say, error: say };
}

export type DocumentsWaybill = ReturnType<typeof compose>;

/** The same composition for API and workers. */
export function openWaybill(environment = process.env as unknown as Environment) {
  const pool = new pg.Pool({
    connectionString: environment.DATABASE_URL,
    max: 10,
    connectionTimeoutMillis: 5_000,
  });
  // An idle connection that breaks is replaced; unheard, its error would end the process.
  pool.on("error", () => undefined);
  const connection = rabbitmqConnection(() => connect(environment.RABBITMQ_URL, { noDelay: true }));
  const store = postgresStore({ client: pool });
  const waybill = compose(store, pool, connection, environment);
  return {
    ...{ waybill, pool },
    /** A service does this in its deploy; several processes may do it at once. */
    prepare: async (): Promise<void> => {
      await store.migrate();
      await migrate(pool);
      const model = await connect(environment.RABBITMQ_URL);
      await declareQueues(await model.createChannel(), environment.RABBITMQ_EXCHANGE);
      await model.close();
    },
    close: async (): Promise<void> => {
      await waybill.close();
      await connection.close();
      await pool.end();
    },
  };
}
