// A Postgres of the benchmark's own: the machine's binaries on a private port of the loopback, with stock settings, so
// that fsync and synchronous_commit are on. It ends with the process that started it.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.js";

const START_MS = 60_000;
/** Postgres refuses to run as root: it gets the user that its package made. */
const USER = process.getuid?.() === 0 ? "postgres" : null;

/** Runs the server until the end comes on its input, also when the benchmark is killed; then nothing is left behind. */
const UNTIL_TOLD = `exec 3<&0; folder=$1; shift; "$@" 3<&- & server=$!
read -r word <&3; kill -QUIT "$server"; wait "$server"; rm -rf -- "$folder"`;

export interface PostgresServer {
  readonly url: string;
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

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-bench-postgres-"));
  if (USER !== null) {
    const id = (flag: string): number => Number(execFileSync("id", [flag, USER], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
  }
  return folder;
}

/** @param settings - besides what is stock, as `name=value` */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const folder = dataFolder();
  const cluster = ["-D", folder, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale"];
  const [initdb, initdbArgs] = asUser(binary("initdb"), cluster);
  execFileSync(initdb, initdbArgs, { cwd: folder, stdio: "pipe" });
  const port = await freePort();
  const where = ["-D", folder, "-p", String(port), "-k", folder, "-h", "127.0.0.1"];
  const own = settings.flatMap((one) => ["-c", one]);
  const [shell, args] = asUser("sh", ["-c", UNTIL_TOLD, "sh", folder, binary("postgres"), ...where, ...own]);
  const child = spawn(shell, args, { cwd: folder, stdio: ["pipe", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const giveUpAt = Date.now() + START_MS;
  while (!(await answers(url))) {
    if (Date.now() > giveUpAt || child.exitCode !== null) throw new Error(`Postgres did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
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
