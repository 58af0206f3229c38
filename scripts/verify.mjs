// `npm run verify`: everything that must hold before a commit, in a fresh clone too. CI runs nothing else.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureDependencies, npmCommand, root } from "./ensure-deps.mjs";
import { ensureServers } from "./ensure-servers.mjs";

ensureDependencies();
ensureServers();

const reports = mkdtempSync(join(tmpdir(), "waybill-verify-"));
const report = (name) => join(reports, `${name.replace(":", "-")}.json`);
const reporters = (name) => ["--reporter=default", "--reporter=json", `--outputFile.json=${report(name)}`];

const suites = ["test:coverage", "test:package"];
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
  ...suites.map((name) => [name, ...reporters(name)]),
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

/** Tests as vitest counted them, over the suites that ran. A file that could not even start counts as one. */
function count() {
  let passed = 0;
  let failed = 0;
  for (const path of suites.map(report).filter(existsSync)) {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, "utf8"));
    const broken = testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.length === 0,
    );
    passed += numPassedTests;
    failed += numFailedTests + broken.length;
  }
  return `${passed} passed, ${failed} failed`;
}

const failure = steps.find((step) => !run(step));
console.log(failure ? `\nverify stopped: ${failure[0]} failed` : "\nverify: everything holds");
console.log(count());
rmSync(reports, { recursive: true, force: true });
process.exitCode = failure ? 1 : 0;
