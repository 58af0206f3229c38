import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Connections } from "./connections.js";
import type { ChildOptions } from "./worker-child.js";
import type { Begin, Life } from "./workers.js";

const CHILD = fileURLToPath(new URL("worker-child.ts", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/**
 * Lives that are processes: killed, frozen and thawed by signals of the system. Their code is put together once, so that
 * every life of a run is of one state of the sources, and is at work again a moment after a kill.
 */
export async function processes(
  options: Omit<ChildOptions, "life" | "seed">,
  connections: Connections | null = null,
): Promise<Begin> {
  const script = join(options.folder, "worker.mjs");
  // Drivers are loaded from where they are installed: some of them are not made of text.
  symlinkSync(PACKAGES, join(options.folder, "node_modules"), "dir");
  await build({
    entryPoints: [CHILD],
    outfile: script,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  return (name, seed): Life => {
    const address = connections?.addressOf(slotOf(name)) ?? options.address;
    const told = JSON.stringify({ ...options, address, life: name, seed } satisfies ChildOptions);
    const env = { ...process.env, NODE_NO_WARNINGS: "1" };
    const child = spawn(process.execPath, [script, told], { env });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.stdin.on("error", () => undefined);
    const closed = once(child, "close") as Promise<[number | null, string | null]>;
    const working = once(child.stdout, "data");
    const signal = (which: NodeJS.Signals) => (): void => {
      child.kill(which);
    };
    return {
      name,
      ready: Promise.race([working, closed]).then(() => undefined),
      kill: signal("SIGKILL"),
      freeze: signal("SIGSTOP"),
      thaw: signal("SIGCONT"),
      stop: signal("SIGTERM"),
      exhaust: signal("SIGUSR2"),
      ended: closed.then(([code, by]) => {
        const well = by === "SIGKILL" || (code === 0 && errors === "");
        return {
          said: well ? null : `code ${code ?? "none"}, ${by ?? "no signal"}: ${errors.slice(-1_000)}`,
        };
      }),
    };
  };
}

/** `w1` of its third life, `w1.3`. */
function slotOf(life: string): string {
  return life.split(".")[0] ?? life;
}
