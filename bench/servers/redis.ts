// A Redis of the benchmark's own: the machine's binary on a private port of the loopback, with an append-only file. It
// ends with the process that started it.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "../../test/support/free-port.js";

const START_MS = 60_000;

/**
 * Everybody's: what is acknowledged is in the log, which is synced each second. The log is made smaller between runs and
 * never within one, since whoever happened to run then would pay for all.
 */
const SETTINGS = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
const NO_REWRITE = ["--auto-aof-rewrite-percentage", "0"];

/**
 * Runs the server until the end comes on its input, which it does also when the benchmark is killed; then nothing is left
 * behind. A signal to all that runs in the terminal, or at the end of the machine, must not end this before that, nor a
 * word to a benchmark that is no more.
 */
const UNTIL_TOLD = `trap : HUP INT TERM; trap '' PIPE; exec 3<&0; folder=$1; shift
mkdir -m 700 "$folder" && cd "$folder" || exit 1
"$@" 3<&- & server=$!
read -r word <&3; kill -KILL "$server"; wait "$server"; cd / && rm -rf -- "$folder"`;

export interface RedisServer {
  readonly port: number;
  /** To ask things, not to measure. */
  readonly client: Redis;
  stop(): Promise<void>;
}

function binary(): string {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/sbin", "/usr/local/bin"];
  const path = folders.map((folder) => join(folder, "redis-server")).find((one) => existsSync(one));
  if (path === undefined)
    throw new Error("no redis-server on this machine: install the package redis-server");
  return path;
}

export async function startRedis(): Promise<RedisServer> {
  // Made by the shell, so that there is no moment at which nobody would remove it.
  const folder = join(tmpdir(), `waybill-bench-redis-${randomUUID()}`);
  const port = await freePort();
  const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  const command = ["sh", folder, binary(), ...where, ...SETTINGS, ...NO_REWRITE];
  const child = spawn("sh", ["-c", UNTIL_TOLD, ...command], {
    cwd: tmpdir(),
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  const giveUpAt = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (Date.now() > giveUpAt || child.exitCode !== null) {
      await stop(child);
      throw new Error(`Redis did not start: ${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const client = new Redis({ host: "127.0.0.1", port });
  client.on("error", () => undefined);
  return {
    port,
    client,
    stop: async () => {
      client.disconnect();
      await stop(child);
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true, retryStrategy: () => null });
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

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end("\n");
  await exited;
}
