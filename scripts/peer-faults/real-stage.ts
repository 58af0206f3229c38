// A peer on a real server, with workers in processes of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startRedis } from "../../test/integration/redis-process.js";
import { startPostgres } from "../../test/support/postgres-process.js";
import type { Peer, Side } from "./peer.js";
import { ReplyProxy } from "./reply-proxy.js";
import type { Begun, Stage, Worker } from "./stage.js";
import type { WorkerNews, WorkerOptions } from "./worker-process.js";

const LOOK_MS = 50;
const READY_MS = 60_000;

/** What all peers of an engine run on. */
export const SERVER_SETTINGS: Readonly<Record<Peer["engine"], string>> = {
  redis: "appendonly yes, appendfsync everysec, no snapshots, noeviction",
  postgres: "fsync on, synchronous_commit on, shared_buffers 64 MB, jit off, max_connections 100",
};

interface Server {
  readonly port: number;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RealStage extends Stage {
  close(): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function openStage(peer: Peer): Promise<RealStage> {
  const server: Server =
    peer.engine === "redis"
      ? await startRedis({ settings: { appendonly: "yes", appendfsync: "everysec" } })
      : await startPostgres({ durable: true });
  const proxy = await ReplyProxy.to(server.port);
  const sides: Side[] = [];
  const workers: RealWorker[] = [];
  const open = async (port: number): Promise<Side> => {
    const side = await peer.open({ port });
    sides.push(side);
    return side;
  };
  const side = await open(server.port);
  return {
    peer,
    side,
    server,
    pause,
    nowMs: () => Date.now(),
    proxied: () => open(proxy.port),
    loseReply: (text, instead) => {
      proxy.lose(text, instead);
    },
    worker: async (name, plan) => {
      const port = plan.proxied === true ? proxy.port : server.port;
      const worker = new RealWorker({ peer: peer.name, place: { port }, name, plan });
      workers.push(worker);
      await worker.ready();
      return worker;
    },
    until,
    close: async () => {
      for (const worker of workers) worker.kill();
      await Promise.race([Promise.allSettled(sides.map((one) => one.close())), pause(5_000)]);
      await proxy.close();
      await server.stop();
    },
  };
}

async function until(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const giveUpAt = Date.now() + limitMs;
  while (Date.now() < giveUpAt) {
    if (await holds()) return true;
    await pause(LOOK_MS);
  }
  return false;
}

class RealWorker implements Worker {
  readonly begun: Begun[] = [];
  readonly returned: number[] = [];
  hasEnded = false;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;

  constructor(options: WorkerOptions) {
    const script = fileURLToPath(new URL("worker-process.ts", import.meta.url));
    this.#child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(options)], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child.on("exit", () => (this.hasEnded = true));
    this.#ready = new Promise((resolve, reject) => {
      this.#child.on("message", (message) => {
        const { ready, begun, returned, atMs } = message as WorkerNews;
        if (begun !== undefined) this.begun.push({ n: begun, atMs });
        if (returned !== undefined) this.returned.push(returned);
        if (ready === true) resolve();
      });
      this.#child.on("error", reject);
      this.#child.on("exit", () => {
        reject(new Error(`worker ${options.name} of ${options.peer} ended`));
      });
    });
    this.#ready.catch(() => undefined);
  }

  async ready(): Promise<void> {
    const late = new Promise<never>((_, reject) =>
      setTimeout(() => {
        reject(new Error("a worker did not come up"));
      }, READY_MS).unref(),
    );
    await Promise.race([this.#ready, late]);
  }

  finish(): void {
    if (this.#child.connected) this.#child.send({ finish: true });
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  kill(): void {
    if (this.hasEnded) return;
    this.#child.kill("SIGKILL");
  }
}
