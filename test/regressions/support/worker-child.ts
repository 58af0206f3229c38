// A worker in a process of its own, to be killed. Arguments: the build, the store, and whether its work ever ends. It writes
// "working" when it has started and "began" at each job.
import pg from "pg";
import { createWaybill } from "../../../src/core/create-waybill.js";
import { systemClock } from "../../../src/core/environment/clock.js";
import type { AnyStore } from "../../../src/core/ports/store.js";
import { postgresStore } from "../../../src/postgres.js";
import { sqliteStore } from "../../../src/sqlite.js";
import { openDatabase } from "../../integration/sqlite-driver.js";
import { sqliteDatabase } from "../naive/database.js";
import { JobRunner } from "../naive/job-runner.js";
import { JobTable } from "../naive/job-table.js";
import { MEANS } from "./means.js";
import { sampleKind } from "./waybill-build.js";

const [build = "", engine = "", address = "", ending = ""] = process.argv.slice(2);

async function work(): Promise<string> {
  process.stdout.write("began\n");
  // Something that holds the process, as an open socket would.
  if (ending === "never") await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
  return `by ${String(process.pid)}`;
}

function openStore(): AnyStore {
  if (engine === "sqlite") return sqliteStore({ db: openDatabase(address), busyTimeoutMs: 20_000 });
  const [port = "", schema = ""] = address.split("/");
  const pool = new pg.Pool({ host: "127.0.0.1", port: Number(port), user: "postgres", database: "postgres" });
  pool.on("error", () => undefined);
  return postgresStore({ client: pool, schema });
}

if (build === "naive") {
  const runner = new JobRunner({
    ...MEANS.real,
    name: `worker ${String(process.pid)}`,
    table: new JobTable(sqliteDatabase(openDatabase(address))),
    clock: systemClock,
    queue: null,
    external: false,
    newId: () => "none",
  });
  runner.work(work);
  setInterval(() => undefined, 1_000);
} else {
  const kind = sampleKind(MEANS.real);
  const waybill = createWaybill({ jobs: [kind], store: openStore(), policy: { reconcileIdleMs: 500 } });
  void waybill.worker([kind.handle(work)], { pollIntervalMs: MEANS.real.pollMs }).run();
}
process.stdout.write("working\n");
