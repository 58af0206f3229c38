// The store's own suite through pgbouncer in transaction mode, with fewer server connections than clients: each statement
// may go to another session than the one before.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { listenOnPg, postgresFeed, postgresStore } from "../../src/postgres.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { sampleHint } from "../../src/testing/feed-suite/feed-probe.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { asUser, postgresMissing, postgresServer } from "../support/postgres-server.js";
import { freePort } from "../support/free-port.js";

const BOUNCER = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find((path) => existsSync(path));
if (BOUNCER === undefined) {
  const reason = "no pgbouncer on this machine: install the package pgbouncer";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
}

let started: Promise<number> | null = null;
let bouncer: ChildProcess | null = null;
let folder = "";

afterAll(() => {
  bouncer?.kill("SIGKILL");
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

async function startBouncer(command: string): Promise<number> {
  const server = await postgresServer();
  const port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "waybill-pgbouncer-"));
  chmodSync(folder, 0o755);
  const users = join(folder, "users.txt");
  writeFileSync(users, '"postgres" ""\n');
  const settings = join(folder, "pgbouncer.ini");
  writeFileSync(
    settings,
    `[databases]\npostgres = host=127.0.0.1 port=${server.port} dbname=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n` +
      `listen_port = ${port}\nunix_socket_dir =\nauth_type = trust\nauth_file = ${users}\npool_mode = transaction\n` +
      "default_pool_size = 3\nserver_reset_query =\n",
  );
  const [program, args] = asUser(command, [settings]);
  bouncer = spawn(program, args, { stdio: "ignore" });
  for (let tries = 0; tries < 200; tries += 1) {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
    try {
      await client.connect();
      return port;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  throw new Error("pgbouncer did not start");
}

describe.skipIf(BOUNCER === undefined || postgresMissing() !== null)(
  `the Postgres store through ${BOUNCER === undefined ? "no pgbouncer" : versionOf(BOUNCER)} in transaction mode`,
  () => {
    storeSuite(
      { describe, it },
      {
        async create() {
          const server = await postgresServer();
          const port = await (started ??= startBouncer(BOUNCER ?? ""));
          const schema = server.schema();
          const pool = server.pool({ port, max: 8 });
          const store = postgresStore({ client: pool, schema });
          await store.migrate();
          return {
            store,
            // Who hears hints needs a way around the pooler.
            second: async () =>
              postgresStore({
                client: pool,
                schema,
                listen: listenOnPg(() => new pg.Client(server.connection)),
              }),
            close: () => pool.end(),
          };
        },
      },
    );

    it("swallows notifications: the feed says so at once, gives its connection back, and nothing else fails", async () => {
      const server = await postgresServer();
      const port = await (started ??= startBouncer(BOUNCER ?? ""));
      const pool = server.pool({ port, max: 8 });
      const clock = fakeClock();
      const feed = postgresFeed({ client: pool, channel: server.schema(), clock });
      const subscribed = feed
        .subscribe(() => undefined)
        .then(
          () => null,
          (error: unknown) => error,
        );
      // The waits for a notification are the only timers; each begins once the server has answered.
      for (let probe = 0; probe < 2; probe += 1) {
        while (clock.pending() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        await clock.advance(2_500);
      }
      expect(await subscribed).toMatchObject({ code: "feed.unavailable" });
      await feed.publish([sampleHint("a")]);
      await feed.close();
      while (pool.idleCount < pool.totalCount) await new Promise((resolve) => setTimeout(resolve, 5));
      await pool.end();
    });
  },
);

function versionOf(command: string): string {
  return execFileSync(command, ["--version"], { encoding: "utf8" }).split("\n")[0] ?? "pgbouncer";
}
