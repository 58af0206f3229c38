// A real RabbitMQ for one test file: the machine's own broker on private ports of the loopback, with a port mapper of its
// own, in a folder that is removed with it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelModel, connect } from "amqplib";
import { freePort } from "./free-port.js";

/** Not the wrapper in /usr/sbin, which changes the user and with it the environment. */
const BROKER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const EPMD = "/usr/bin/epmd";
/** Some seconds on an idle machine; a loaded one takes a minute. */
const START_MS = 150_000;

/**
 * Runs port mapper and broker until a line or the end comes on its input. The end comes also when the test's process is
 * killed, which runs no handler of its own: then nothing is left behind. "keep" leaves the folder for another start.
 * What the shell says of a killed child has no reader then, which must not end it.
 */
const UNTIL_TOLD = `trap "" PIPE; exec 3<&0; folder=$1
"$2" -port "$ERL_EPMD_PORT" -address 127.0.0.1 3<&- & epmd=$!
"$3" 3<&- & server=$!; echo $server > "$folder/own.pid"
read -r word <&3; kill -KILL "$server" 2>/dev/null; wait "$server"; kill -KILL "$epmd"; wait "$epmd"
[ "$word" = keep ] || rm -rf -- "$folder"`;

export function rabbitmqIsHere(): boolean {
  return existsSync(BROKER) && existsSync(EPMD);
}

/** Why no broker can be started here; `null`: one can. On CI that is a failure, elsewhere a reason to skip. */
export function rabbitmqMissing(): string | null {
  if (rabbitmqIsHere()) return null;
  const reason = "no RabbitMQ on this machine: install the package rabbitmq-server";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

export interface RabbitmqServerOptions {
  /** How long a delivery may be held, milliseconds; looked at five times as often. @default 1_800_000 // the broker's own */
  readonly consumerTimeoutMs?: number;
}

export async function startRabbitmq(options: RabbitmqServerOptions = {}): Promise<RabbitmqServer> {
  const port = await freePort();
  const server = new RabbitmqServer(port, {
    distribution: await freePort(),
    epmd: await freePort(),
    ...options,
  });
  await server.start();
  return server;
}

export class RabbitmqServer {
  readonly port: number;
  readonly #folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #models: ChannelModel[] = [];
  #process: ChildProcess | null = null;
  #names = 0;

  constructor(
    port: number,
    given: RabbitmqServerOptions & { readonly distribution: number; readonly epmd: number },
  ) {
    this.port = port;
    this.#folder = mkdtempSync(join(tmpdir(), "waybill-rabbitmq-"));
    this.#environment = environmentOf(this.#folder, port, given);
  }

  get url(): string {
    return `amqp://127.0.0.1:${String(this.port)}`;
  }

  /** A plain connection of amqplib, which is closed with the server. */
  async client(): Promise<ChannelModel> {
    const model = await connect(this.url, { noDelay: true });
    // A connection that breaks when a test kills the broker is no news.
    model.on("error", () => undefined);
    this.#models.push(model);
    return model;
  }

  /** A name that no other test of this file uses. */
  name(): string {
    this.#names += 1;
    return `test-${String(this.#names)}`;
  }

  async start(): Promise<void> {
    const child = spawn("sh", ["-c", UNTIL_TOLD, "sh", this.#folder, EPMD, BROKER], {
      cwd: this.#folder,
      env: { PATH: process.env["PATH"] ?? "", ...this.#environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
    this.#process = child;
    const giveUpAt = Date.now() + START_MS;
    while (!(await this.#answers())) {
      if (Date.now() > giveUpAt || child.exitCode !== null) throw new Error(`RabbitMQ did not start: ${log}`);
      await sleep(50);
    }
  }

  /** Ends the broker at once, as a power cut of the process does. */
  async kill(): Promise<void> {
    process.kill(Number(readFileSync(join(this.#folder, "own.pid"), "utf8")), "SIGKILL");
    await this.#end("keep");
  }

  async stop(): Promise<void> {
    for (const model of this.#models) void model.close().catch(() => undefined);
    await this.#end("remove");
    // One that was killed has nobody left to do it.
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      await (await connect(this.url)).close();
      return true;
    } catch {
      return false;
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

function environmentOf(
  folder: string,
  port: number,
  given: RabbitmqServerOptions & { readonly distribution: number; readonly epmd: number },
): Readonly<Record<string, string>> {
  const { consumerTimeoutMs = 1_800_000 } = given;
  writeFileSync(join(folder, "rabbitmq.conf"), `consumer_timeout = ${String(consumerTimeoutMs)}\n`);
  writeFileSync(join(folder, "plugins"), "[].\n");
  const erlang = [
    "-kernel inet_dist_use_interface {127,0,0,1}",
    `-rabbit channel_tick_interval ${String(Math.ceil(consumerTimeoutMs / 5))}`,
    // It shares the machine with other tests: it waits by sleeping, on one scheduler.
    "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
  ];
  return {
    HOME: folder,
    RABBITMQ_NODENAME: `waybill${String(port)}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(given.distribution),
    ERL_EPMD_PORT: String(given.epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlang.join(" "),
    // The script becomes the broker instead of waiting for it: its pid is the broker's.
    detached: "yes",
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
