// A Postgres of the benchmark's own: the machine's binaries on a private port of the loopback, with stock settings, so
// that fsync and synchronous_commit are on. It ends with the process that started it.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../test/support/free-port.js";

const START_MS = 60_000;
/** Postgres refuses to run as root: it gets the user that its package made. */
const USER = process.getuid?.() === 0 ? "postgres" : null;

/**
 * Makes a server and runs it until the end comes on its input, which it does also when the benchmark is killed; then nothing
 * is left behind. A signal to all that runs in the terminal, or at the end of the machine, must not end this before that,
 * nor a word to a benchmark that is no more.
 */
const UNTIL_TOLD = `trap : HUP INT TERM; trap '' PIPE; exec 3<&0 </dev/null; folder=$1; initdb=$2; shift 2
mkdir -m 700 "$folder" && cd "$folder" || exit 1
if "$initdb" -D "$folder" -A trust -U postgres -E UTF8 --no-locale >/dev/null 3<&-; then
  "$@" 3<&- & server=$!
  read -r word <&3; kill -QUIT "$server"; wait "$server"
fi
cd / && rm -rf -- "$folder"`;

export interface PostgresServer {
  readonly url: string;
  /** Where its files are. */
  readonly folder: string;
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

function binary(name: string): string {
  const versions = "/usr/lib/postgresql";
  const debian = existsSync(versions) ? readdirSync(versions).sort().reverse() : [];
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...debian.map((v) => join(versions, v, "bin"))];
  const path = folders.map((folder) => join(folder, name)).find((one) => existsSync(one));
  if (path === undefined) throw new Error(`no ${name} on this machine: install the package postgresql`);
  return path;
}

function asUser(command: string, args: readonly string[]): readonly [string, string[]] {
  if (USER === null) return [command, [...args]];
  return ["setpriv", ["--reuid", USER, "--regid", USER, "--init-groups", command, ...args]];
}

/** @param settings - besides what is stock, as `name=value` */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  // Made by the shell, so that there is no moment at which nobody would remove it.
  const folder = join(tmpdir(), `waybill-bench-postgres-${randomUUID()}`);
  const port = await freePort();
  const where = ["-D", folder, "-p", String(port), "-k", folder, "-h", "127.0.0.1"];
  const own = settings.flatMap((one) => ["-c", one]);
  const server = [binary("initdb"), binary("postgres"), ...where, ...own];
  const [shell, args] = asUser("sh", ["-c", UNTIL_TOLD, "sh", folder, ...server]);
  const child = spawn(shell, args, { cwd: tmpdir(), stdio: ["pipe", "ignore", "pipe"], detached: true });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const giveUpAt = Date.now() + START_MS;
  while (!(await answers(url))) {
    if (Date.now() > giveUpAt || child.exitCode !== null) {
      await stop(child);
      throw new Error(`Postgres did not start: ${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    folder,
    query: (sql) => once(url, sql),
    stop: () => stop(child),
  };
}

async function answers(url: string): Promise<boolean> {
  return once(url, "select 1").then(
    () => true,
    () => false,
  );
}

async function once(url: string, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client(url);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end("\n");
  await exited;
}
