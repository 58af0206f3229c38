// `npm run verify`: everything that must hold before a commit, in a fresh clone too. CI runs nothing else.
import { spawnSync } from "node:child_process";
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
const steps = [
  ["format:check"],
  ["lint"],
  ["typecheck"],
  ["check:imports"],
  ["check:unused"],
  ["check:size-of-files"],
  ["check:lifecycle"],
  ["check:errors"],
  ["build"],
  ...suites.map(({ name, args }) => [name, ...args, ...reporters(name)]),
];

function run([name, ...extra]) {
  console.log(`\n── ${name}`);
  const { command, args, shell } = npmCommand("run", "--silent", name, "--", ...extra);
  const start = performance.now();
  const { status } = spawnSync(command, args, { cwd: root, shell, stdio: "inherit" });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`── ${name}: ${status === 0 ? "ok" : "FAILED"} in ${seconds} s`);
  return status === 0;
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

/** Where the time goes. Two files run at a time, so the sum is about twice what one waits for. */
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
const failure = steps.find((step) => !run(step));
const files = testedFiles();
if (files.length > 0) console.log(`\nslowest test files\n${slowest(files)}`);
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
console.log(`\nverify, ${minutes} min: ${failure ? `stopped, ${failure[0]} failed` : "everything holds"}`);
console.log(counts(files));
rmSync(reports, { recursive: true, force: true });
process.exitCode = failure ? 1 : 0;
