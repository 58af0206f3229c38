import { createWaybill, type Store, type Waybill } from "waybill";
import { textAnalysis } from "./text-analysis.job.js";

export type TaskWaybill = Waybill<typeof textAnalysis>;

interface OpenStore {
  readonly store: Store;
  readonly close: () => Promise<void>;
}

/** Postgres when `DATABASE_URL` is given, else the SQLite file of `TASKS_DB`. Drivers are loaded where they are used. */
async function openStore(): Promise<OpenStore> {
  const { DATABASE_URL: url, TASKS_DB: file = "tasks.db" } = process.env;
  return url === undefined ? openSqlite(file) : openPostgres(url);
}

async function openSqlite(file: string): Promise<OpenStore> {
  const { default: Database } = await import("libsql");
  const { sqliteStore } = await import("waybill/sqlite");
  const db = new Database(file);
  return {
    store: sqliteStore({ db }),
    close: async () => {
      db.close();
    },
  };
}

async function openPostgres(connectionString: string): Promise<OpenStore> {
  const { default: pg } = await import("pg");
  const { postgresStore } = await import("waybill/postgres");
  const pool = new pg.Pool({ connectionString });
  // An idle connection that breaks is replaced; unheard, its error would end the process.
  pool.on("error", (error) => {
    console.error(`a connection to Postgres was lost: ${error.message}`);
  });
  const store = postgresStore({ client: pool });
  // A service would do this in its deploy; several processes may do it at once.
  await store.migrate();
  return { store, close: () => pool.end() };
}

/** The same composition for the API and every worker. */
export async function openWaybill(): Promise<{
  readonly waybill: TaskWaybill;
  readonly close: () => Promise<void>;
}> {
  const { store, close } = await openStore();
  const waybill = createWaybill({ jobs: [textAnalysis], store });
  return {
    waybill,
    close: async () => {
      await waybill.close();
      await close();
    },
  };
}
