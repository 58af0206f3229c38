// A real Postgres for one test file, which is stopped with it. Started when it is first asked for.
import { afterAll } from "vitest";
import { postgresBinaries, type PostgresServer, startPostgres } from "./postgres-process.js";

export * from "./postgres-process.js";

const STOP_MS = 60_000;

/** Why no server can be started here; `null`: one can. On CI that is a failure, elsewhere a reason to skip. */
export function postgresMissing(): string | null {
  if (postgresBinaries() !== null) return null;
  const reason = "no initdb and postgres on this machine: install the package postgresql";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

let shared: Promise<PostgresServer> | null = null;

/** The server of this test file. */
export function postgresServer(): Promise<PostgresServer> {
  shared ??= startPostgres({ durable: false });
  return shared;
}

afterAll(async () => {
  await (await shared?.catch(() => null))?.stop();
  // A suite leaves some ten thousand files behind, one for each table and index.
}, STOP_MS);
