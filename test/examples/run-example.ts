import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LOOPBACK_ONLY = new URL("loopback-only.mjs", import.meta.url).href;

export interface Run {
  readonly code: number | null;
  readonly out: string;
  /** What the last line about a row says, its cells, without the row's name; empty: it was never shown. */
  row(name: string): readonly string[];
  readonly lastLine: string;
}

/** Runs an example in a pipe, where nothing but this machine can be reached. */
export function runExample(name: string, ...args: readonly string[]): Promise<Run> {
  return started(["--import", LOOPBACK_ONLY, "--import", "tsx", `examples/${name}/main.ts`, ...args]);
}

/** Runs the command itself. */
export function exampleCommand(...args: readonly string[]): Promise<Run> {
  return started(["scripts/example.mjs", ...args]);
}

async function started(args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = out.trimEnd().split("\n");
  return {
    code,
    out,
    lastLine: lines.at(-1) ?? "",
    row(named) {
      const said = lines.map((line) => line.replace(/^\+ *[\d.]+ s {2}/, ""));
      const last = said.filter((line) => line.startsWith(named)).at(-1) ?? named;
      return last.slice(named.length).trim().split(/ {2,}/).filter(Boolean);
    },
  };
}
