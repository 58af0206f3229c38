import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.js";

export interface Fauxqs {
  readonly endpoint: string;
  /** Moves its time on, which stands still otherwise. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

const CLI = fileURLToPath(new URL("../../node_modules/fauxqs/dist/cli.js", import.meta.url));
const CLOCK = new URL("fauxqs-clock.mjs", import.meta.url).href;

/** The emulator as a process of its own: it is a server, not a library of ours. */
export async function startFauxqs(): Promise<Fauxqs> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = spawn(process.execPath, ["--import", CLOCK, CLI], {
    env: { ...process.env, FAUXQS_PORT: String(port), FAUXQS_LOGGER: "false" },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  for (let tries = 0; !(await answers(endpoint)); tries += 1) {
    if (tries > 200 || server.exitCode !== null) throw new Error("fauxqs did not start.");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    endpoint,
    async advance(ms) {
      const moved = new Promise((resolve) => server.once("message", resolve));
      server.send({ advanceMs: ms });
      await moved;
    },
    async close() {
      server.kill("SIGKILL");
      await exited;
    },
  };
}

function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  );
}
