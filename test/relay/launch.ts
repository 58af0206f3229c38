import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { storeNamed } from "../torture/stores.js";
import type { ChildOptions } from "./child.js";
import { openPlace, type Opened, type Place } from "./places.js";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** One process of a run. */
export interface Child {
  /** What it printed after "ready". */
  readonly lines: readonly string[];
  /** What it ended with; its complaints, where it did not end well by itself. */
  readonly ended: Promise<string>;
  kill(): void;
  /** Ends its input, and resolves when it has ended. */
  stop(): Promise<string>;
}

/** A store that several processes share, and a way to start them. */
export interface Stage {
  readonly folder: string;
  /** Opens the store in this process. */
  open(): Opened;
  /** Resolves when the process says that it is ready. */
  start(options: Omit<ChildOptions, "place" | "address" | "folder">): Promise<Child>;
  close(): Promise<void>;
}

export async function stageOn(place: Place): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-relay-"));
  const script = await bundled(folder);
  const server = await (await storeNamed(place)).start(folder);
  const children = new Set<ChildProcess>();
  return {
    folder,
    open: () => openPlace(place, server.address, true),
    async start(options) {
      const told = JSON.stringify({ ...options, place, address: server.address, folder });
      const child = spawn(process.execPath, [script, told], {
        env: { ...process.env, NODE_NO_WARNINGS: "1" },
      });
      children.add(child);
      return started(child);
    },
    async close() {
      for (const child of children) child.kill("SIGKILL");
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Put together once, so that each process is at work a moment after its start. */
async function bundled(folder: string): Promise<string> {
  const script = join(folder, "child.mjs");
  // Drivers are loaded from where they are installed.
  symlinkSync(PACKAGES, join(folder, "node_modules"), "dir");
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
  return script;
}

async function started(
  child: ChildProcess & { readonly stdout: NonNullable<ChildProcess["stdout"]> | null },
): Promise<Child> {
  const { stdout, stderr, stdin } = child;
  if (stdout === null || stderr === null || stdin === null) throw new Error("the child has no pipes");
  let errors = "";
  stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  stdin.on("error", () => undefined);
  const lines: string[] = [];
  const output = createInterface({ input: stdout });
  const first = once(output, "line");
  output.on("line", (line) => lines.push(line));
  const ended = once(child, "close").then(([code, by]: unknown[]) => `${String(by ?? code)}${errors}`);
  const early = await Promise.race([first.then(() => null), ended]);
  if (early !== null) throw new Error(`a child ended: ${early}`);
  lines.shift();
  return {
    lines,
    ended,
    kill: () => child.kill("SIGKILL"),
    stop: () => {
      stdin.end();
      return ended;
    },
  };
}
