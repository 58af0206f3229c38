// A server of this run alone: the machine's own binaries on a private port of the loopback, in a folder that goes with it.
// Apart from the tests' own helper, since the campaign runs without a test runner.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "../support/free-port.js";

export interface TortureServer {
  readonly port: string;
  /** SIGKILL to the postmaster and to every process of it, then a start on what they left. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 60_000;
/** What a server says that will not start: the one before it has not quite gone. */
const NOT_YET = /pre-existing shared memory|lock file|could not/;
/** Postgres refuses to run as root: it gets the user that its package made. */
const USER = process.getuid?.() === 0 ? "postgres" : null;

/** The server ends, and its folder goes, also when the run itself is killed: then its input closes. */
const UNTIL_TOLD = `exec 3<&0; folder=$1; shift; "$@" 3<&- & server=$!
read -r word <&3; kill -QUIT "$server" 2>/dev/null; wait "$server"; [ "$word" = keep ] || rm -rf -- "$folder"`;

/** Where a program of Postgres is; `null`: this machine has none. */
function binary(name: string): string | null {
  const versions = "/usr/lib/postgresql";
  const packaged = existsSync(versions) ? readdirSync(versions).sort().reverse() : [];
  const folders = [
    ...(process.env["PATH"] ?? "").split(":"),
    ...packaged.map((version) => join(versions, version, "bin")),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** Why no server can be started here; `null`: one can. */
export function serverMissing(): string | null {
  if (binary("initdb") !== null && binary("postgres") !== null) return null;
  return "no initdb and postgres on this machine: install the package postgresql";
}

function asUser(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (USER === null) return [command, args];
  return ["setpriv", ["--reuid", USER, "--regid", USER, "--init-groups", command, ...args]];
}

export async function startServer(): Promise<TortureServer> {
  const [initdb, postgres] = [binary("initdb"), binary("postgres")];
  if (initdb === null || postgres === null) throw new Error(serverMissing() ?? "");
  const folder = mkdtempSync(join(tmpdir(), "waybill-torture-postgres-"));
  if (USER !== null) {
    const id = (flag: string): number => Number(execFileSync("id", [flag, USER], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
  }
  const [command, args] = asUser(initdb, [
    ...["-D", folder, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--no-locale"],
  ]);
  execFileSync(command, [...args], { cwd: folder, stdio: "pipe" });
  const port = String(await freePort());
  const settings = ["fsync=on", "synchronous_commit=on", "shared_buffers=64MB"].flatMap((one) => ["-c", one]);
  const place = ["-D", folder, "-p", port, "-k", folder, "-h", "127.0.0.1"];
  const server = new Server(
    folder,
    port,
    asUser("sh", ["-c", UNTIL_TOLD, "sh", folder, postgres, ...place, ...settings]),
  );
  await server.start();
  return server;
}

class Server implements TortureServer {
  readonly port: string;
  readonly #folder: string;
  readonly #command: readonly [string, readonly string[]];
  #process: ChildProcess | null = null;

  constructor(folder: string, port: string, command: readonly [string, readonly string[]]) {
    this.#folder = folder;
    this.port = port;
    this.#command = command;
  }

  async start(): Promise<void> {
    const giveUpAt = Date.now() + START_MS;
    const [command, args] = this.#command;
    let said = "";
    while (Date.now() < giveUpAt) {
      const child = spawn(command, args, { cwd: this.#folder, stdio: ["pipe", "ignore", "pipe"] });
      said = "";
      child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      this.#process = child;
      while (!NOT_YET.test(said) && Date.now() < giveUpAt) {
        if (await this.#answers()) return;
        await sleep(30);
      }
      await this.#end("keep");
      await sleep(100);
    }
    throw new Error(`Postgres did not start: ${said.slice(-2_000)}`);
  }

  async crash(): Promise<void> {
    const postmaster = this.#pid();
    if (postmaster === null) throw new Error("the server is not running");
    // The postmaster first: it would restart what it saw die.
    for (const pid of [postmaster, ...childrenOf(postmaster)]) kill(pid);
    await this.#end("keep");
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end("remove");
  }

  /** The postmaster that holds the folder now; `null`: none. */
  #pid(): number | null {
    try {
      const pid = Number(readFileSync(join(this.#folder, "postmaster.pid"), "utf8").split("\n")[0]);
      process.kill(pid, 0);
      return pid;
    } catch {
      return null;
    }
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: Number(this.port),
      user: "postgres",
      database: "postgres",
    });
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
    if (child === null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(`${word}\n`);
    await exited;
  }
}

function childrenOf(pid: number): readonly number[] {
  const listed = `/proc/${String(pid)}/task/${String(pid)}/children`;
  // Where it cannot be asked they end by themselves, when they see that the postmaster is gone.
  if (!existsSync(listed)) return [];
  return readFileSync(listed, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It has ended since.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
