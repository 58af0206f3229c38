/**
 * The long proofs: `npm run proof`, or `npm run proof -- explore simulate` for some parts alone.
 *
 * Each part writes `proof/PART.json` and goes on where it was ended, as long as the code that it is about is the same: a
 * digest of it stands in the result. `--check` runs nothing and tells which results are of the code as it is now.
 */
import { spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formOf, InputFiles } from "./proof/inputs.js";
import { PARTS, type Part } from "./proof/parts.js";
import { readResult, type Result, summaryOf } from "./proof/results.js";

const FOLDER = "proof";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: "boolean", default: false } },
});

function wanted(): readonly Part[] {
  const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no part ${unknown.join(", ")}. Parts: ${PARTS.map(({ name }) => name).join(", ")}`,
    );
    process.exit(2);
  }
  return positionals.length === 0 ? PARTS : PARTS.filter(({ name }) => positionals.includes(name));
}

function run(part: Part, inputs: string): Promise<number> {
  const args = [...part.args, "--out", join(FOLDER, `${part.name}.json`), "--inputs", inputs];
  console.log(`\n── ${part.name}: tsx ${args.join(" ")}`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", ...args], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

async function inTurn(parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    // Read anew: the part before may have taken an hour.
    const code = await run(part, new InputFiles().digestOf(part.inputs));
    if (code !== 0) console.error(`── ${part.name} ended with ${String(code)}`);
  }
}

interface Row {
  readonly part: Part;
  readonly inputs: string;
  readonly result: Result | null;
}

/** A result counts when it is of this very code, and says that nothing was violated. */
function holds({ inputs, result }: Row): boolean {
  return result?.inputs === inputs && result.complete && result.violations.length === 0;
}

function verdict(row: Row): string {
  if (row.result === null) return "not run";
  const [before, now] = [formOf(row.result.inputs), formOf(row.inputs)];
  if (before !== null && before !== now) return `digest by ${before}, not by ${String(now)}`;
  if (row.result.inputs !== row.inputs) return "of other code";
  if (!row.result.complete) return "not finished";
  return row.result.violations.length === 0 ? "holds" : `${String(row.result.violations.length)} VIOLATIONS`;
}

function look(parts: readonly Part[]): readonly Row[] {
  const files = new InputFiles();
  return parts.map((part) => ({
    part,
    inputs: files.digestOf(part.inputs),
    result: readResult(join(FOLDER, `${part.name}.json`)),
  }));
}

/** One file that says what was proved, and of which commit. */
function store(rows: readonly Row[]): void {
  const parts = rows.map((row) => ({
    part: row.part.name,
    verdict: verdict(row),
    inputs: row.inputs,
    ...(row.result === null ? {} : { elapsedMs: row.result.elapsedMs, counts: summaryOf(row.result) }),
  }));
  const machine = { node: process.version, cores: cpus().length };
  const commit = new InputFiles().commitOf(PARTS.map(({ inputs }) => inputs));
  const summary = { commit, ...machine, parts };
  const path = join(FOLDER, "summary.json");
  writeFileSync(`${path}.part`, `${JSON.stringify(summary, null, 2)}\n`);
  renameSync(`${path}.part`, path);
}

mkdirSync(FOLDER, { recursive: true });
if (!values.check) {
  const parts = wanted();
  await Promise.all([
    inTurn(parts.filter(({ waits }) => waits !== true)),
    inTurn(parts.filter(({ waits }) => waits === true)),
  ]);
  store(look(PARTS));
}
const rows = look(wanted());
console.log("");
for (const row of rows) console.log(`${row.part.name.padEnd(24)} ${verdict(row)}`);
process.exitCode = rows.every(holds) ? 0 : 1;
