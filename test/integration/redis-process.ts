// A real Redis: the machine's own binary on a private port of the loopback, in a folder that is removed with it. No test
// runner is needed.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import { freePort } from "../support/free-port.js";

const START_MS = 30_000;

/**
 * Runs the server until a line or the end comes on its input. The end comes also when the test's process is killed, which
 * runs no handler of its own: then nothing is left behind. "keep" leaves the folder for another start.
 */
const UNTIL_TOLD = `exec 3<&0; folder=$1; shift; "$@" 3<&- & server=$!; echo $server > "$folder/own.pid"
read -r word <&3; kill -KILL "$server" 2>/dev/null; wait "$server"; [ "$word" = keep ] || rm -rf -- "$folder"`;

export interface RedisServerOptions {
  /** As on the command line, without dashes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** It watches others instead of keeping data: its configuration file, which it writes to. */
  readonly sentinel?: string;
}

/** Options whose types do not depend on how replies are mapped. */
export type ClientOptions = Pick<
  RedisOptions,
  | "port"
  | "connectionName"
  | "keyPrefix"
  | "lazyConnect"
  | "maxRetriesPerRequest"
  | "retryStrategy"
  | "commandTimeout"
  | "enableOfflineQueue"
  | "autoResendUnfulfilledCommands"
  | "reconnectOnError"
  | "protocol"
  | "username"
  | "password"
>;

function folders(): readonly string[] {
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/sbin"];
}

export function redisBinary(name: string): string | null {
  return (
    folders()
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path)) ?? null
  );
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const path = redisBinary("redis-server");
  if (path === null) throw new Error("no Redis on this machine");
  const server = new RedisServer(path, await freePort(), options);
  await server.start();
  return server;
}

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #path: string;
  readonly #options: RedisServerOptions;
  readonly #clients: { disconnect(): void }[] = [];
  #process: ChildProcess | null = null;
  #prefixes = 0;

  constructor(path: string, port: number, options: RedisServerOptions) {
    this.#path = path;
    this.port = port;
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), "waybill-redis-"));
  }

  /** A connection, which is closed with the server. */
  client(options: ClientOptions = {}): Redis {
    return this.own(new Redis({ host: "127.0.0.1", port: this.port, ...options }));
  }

  /** Closes a client with the server; a connection that breaks when a test kills it is no news. */
  own<C extends { disconnect(): void; on(event: "error", listener: () => void): unknown }>(client: C): C {
    client.on("error", () => undefined);
    this.#clients.push(client);
    return client;
  }

  /** A prefix that no other test of this file uses. */
  prefix(): string {
    this.#prefixes += 1;
    return `test-${this.#prefixes}`;
  }

  async start(): Promise<void> {
    const { settings = {}, sentinel } = this.#options;
    const own = { port: String(this.port), bind: "127.0.0.1", dir: this.folder };
    const kept = sentinel === undefined ? { save: "", ...settings } : settings;
    const given = Object.entries({ ...own, ...kept }).flatMap(([name, value]) => [`--${name}`, value]);
    const args = sentinel === undefined ? given : [sentinel, "--sentinel", ...given];
    const child = spawn("sh", ["-c", UNTIL_TOLD, "sh", this.folder, this.#path, ...args], {
      cwd: this.folder,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let log = "";
    child.stdout.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
    child.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
    this.#process = child;
    const giveUpAt = Date.now() + START_MS;
    while (!(await this.#answers())) {
      if (Date.now() > giveUpAt || child.exitCode !== null) throw new Error(`Redis did not start: ${log}`);
      await sleep(20);
    }
  }

  get pid(): number {
    return Number(readFileSync(join(this.folder, "own.pid"), "utf8"));
  }

  /** Ends the server at once, as a power cut of the process does. */
  async kill(): Promise<void> {
    process.kill(this.pid, "SIGKILL");
    await this.#end("keep");
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.#end("remove");
    // One that was killed has nobody left to do it.
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const client = new Redis({
      host: "127.0.0.1",
      port: this.port,
      lazyConnect: true,
      retryStrategy: () => null,
      enableReadyCheck: false,
      disableClientInfo: true,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.ping();
      return true;
    } catch {
      return false;
    } finally {
      client.disconnect();
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

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
