// `npm run example -- NAME`: installs what is missing, then is the example, with its terminal, arguments, signals and exit
// code. Without a name: what there is.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { ensureDependencies, root } from "./ensure-deps.mjs";
import { ensurePostgres } from "./ensure-servers.mjs";

const folder = join(root, "examples");

/** An example is a folder with a main.ts; its first sentence stands in its README. */
const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, "main.ts")));

/** Those that end with a sentence where there is no Postgres. */
const NEED_POSTGRES = new Set(["task-api", "documents"]);

function about(name) {
  const readme = readFileSync(join(folder, name, "README.md"), "utf8");
  const [, text = ""] = /^#[^\n]*\n+([^#`|][^]*?)(?:\n\n|$)/.exec(readme) ?? [];
  const [, sentence = text] = /^([^]*?\.)(?:\s|$)/.exec(text) ?? [];
  return sentence.replaceAll(/\s+/g, " ");
}

/** How many letters have to be changed, added or left out. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

const [name, ...rest] = process.argv.slice(2);
if (name === undefined) {
  console.log("npm run example -- NAME [--fault none|NAME] [--fast]");
  console.log(
    "index-folder and small-store take a folder instead, small-queue and small-notifier the address of a Redis.\n",
  );
  const wide = Math.max(...names.map(({ length }) => length)) + 2;
  for (const each of names) console.log(`  ${each.padEnd(wide)}${about(each)}`);
} else if (!names.includes(name)) {
  const [nearest] = [...names].sort((a, b) => distance(name, a) - distance(name, b));
  console.error(`There is no example ${name}; did you mean ${nearest}?`);
  process.exitCode = 2;
} else {
  run(name, rest);
}

function run(example, args) {
  ensureDependencies();
  if (NEED_POSTGRES.has(example) && process.env.DATABASE_URL === undefined) ensurePostgres();
  const script = join("examples", example, "main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // Ctrl-C reaches every process of the terminal: passed on as well, it would arrive twice.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
