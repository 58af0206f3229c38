// `npm run verify`: everything that must hold before a commit, in a fresh clone too. CI runs nothing else.
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ensureDependencies, npmCommand, root } from "./ensure-deps.mjs";
import { ensureServers } from "./ensure-servers.mjs";

ensureDependencies();
ensureServers();

const reports = mkdtempSync(join(tmpdir(), "waybill-verify-"));
const report = (name) => join(reports, `${name.replace(":", "-")}.json`);
const reporters = (name) => ["--reporter=default", "--reporter=json", `--outputFile.json=${report(name)}`];

/** The tests that are about the core: over these its branches are counted, over the others nothing is. */
const ABOUT_THE_CORE = ["test/unit/", "test/property/", "test/integration/"];
const suites = [
  { name: "test:coverage", args: ABOUT_THE_CORE },
  { name: "test", args: ABOUT_THE_CORE.flatMap((folder) => ["--exclude", `${folder}**`]) },
  { name: "test:package", args: [] },
];
/** Two lanes side by side, since the smallest machine has two cores: `lint` takes as long as all the others. */
const checks = [
  [["lint"]],
  [
    ["format:check"],
    ["typecheck"],
    ["check:imports"],
    ["check:unused"],
    ["check:size-of-files"],
    ["check:lifecycle"],
    ["check:errors"],
    ["build"],
  ],
];

const spent = (since) => ((performance.now() - since) / 1000).toFixed(1);

/** Whether a script of package.json passes. `quietly`: what it prints is shown in one piece at its end. */
async function run([name, ...extra], quietly) {
  const { command, args, shell } = npmCommand("run", "--silent", name, "--", ...extra);
  const start = performance.now();
  if (!quietly) console.log(`\n── ${name}`);
  const child = spawn(command, args, {
    cwd: root,
    shell,
    stdio: quietly ? ["ignore", "pipe", "pipe"] : "inherit",
  });
  const printed = [];
  child.stdout?.on("data", (chunk) => printed.push(chunk));
  child.stderr?.on("data", (chunk) => printed.push(chunk));
  const [status] = await once(child, "close");
  if (quietly) console.log(`\n── ${name}\n${Buffer.concat(printed).toString().trimEnd()}`);
  console.log(`── ${name}: ${status === 0 ? "ok" : "FAILED"} in ${spent(start)} s`);
  return status === 0;
}

/** @returns the first step that failed; `undefined`: none did */
async function firstFailure(steps, quietly) {
  for (const step of steps) if (!(await run(step, quietly))) return step;
  return undefined;
}

async function runAll() {
  const failures = await Promise.all(checks.map((lane) => firstFailure(lane, true)));
  const tests = suites.map(({ name, args }) => [name, ...args, ...reporters(name)]);
  return failures.find((failure) => failure !== undefined) ?? firstFailure(tests, false);
}

/** Test files as vitest reported them, over the suites that ran. */
function testedFiles() {
  return suites
    .map(({ name }) => report(name))
    .filter(existsSync)
    .flatMap((path) => JSON.parse(readFileSync(path, "utf8")).testResults);
}

/** A file that could not even start counts as one failed test. */
function counts(files) {
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const broken = files.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.length,
  );
  const count = (wanted) => tests.filter(({ status }) => status === wanted).length;
  return `${count("passed")} passed, ${count("failed") + broken.length} failed`;
}

const SLOWEST = 10;

/** Where the time goes. Three files run at a time, so the sum is about three times what one waits for. */
function slowest(files) {
  const timed = files
    .map(({ name, startTime, endTime }) => ({
      name: relative(root, name),
      seconds: (endTime - startTime) / 1000,
    }))
    .sort((a, b) => b.seconds - a.seconds);
  const sum = timed.reduce((total, { seconds }) => total + seconds, 0);
  const line = (seconds, text) => `${seconds.toFixed(1).padStart(7)} s  ${text}`;
  return [
    ...timed.slice(0, SLOWEST).map(({ name, seconds }) => line(seconds, name)),
    line(sum, `all ${timed.length} test files`),
  ].join("\n");
}

const startedAt = performance.now();
const failure = await runAll();
const files = testedFiles();
if (files.length > 0) console.log(`\nslowest test files\n${slowest(files)}`);
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
console.log(`\nverify, ${minutes} min: ${failure ? `stopped, ${failure[0]} failed` : "everything holds"}`);
console.log(counts(files));
rmSync(reports, { recursive: true, force: true });
process.exitCode = failure ? 1 : 0;
