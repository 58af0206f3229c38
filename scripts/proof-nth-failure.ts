/**
 * The n-th failure loop as a whole: `npx tsx scripts/proof-nth-failure.ts --out FILE [--inputs DIGEST] [--workers 2]`.
 *
 * Breaks every call of every scenario in every way, on the memory store, on SQLite and on a Postgres of its own, and counts
 * which catch branches of the library that came to. A branch that no failure of a store, a queue or a notifier leads to (a
 * logger that throws, a driver's own error) has a test of its own: the tests are run on the same marked sources, and what
 * they visit is counted beside it. Marks are set in the source by its syntax tree and not read from the engine's coverage:
 * a handler that has a name and other callers, or an empty one, can be told apart only where it is called.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ScenarioReport } from "../test/nth-failure/all-cuts.js";
import { bundle } from "../test/nth-failure/campaign/bundle.js";
import type { CampaignResult } from "../test/nth-failure/campaign/campaign.js";
import { allCatches, CATCH_FOLDERS, markCatches } from "../test/nth-failure/catches/find-catches.js";
import { NOT_VISITED } from "../test/nth-failure/catches/not-visited.js";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "proof-nth-failure.json" },
    inputs: { type: "string" },
    workers: { type: "string", default: "2" },
    /** Fewer, to look at a part of it: that proves nothing. */
    stores: { type: "string", default: "postgres,sqlite,memory" },
  },
});

const STORES = ["memory", "sqlite", "postgres"] as const;

interface TestVisits {
  readonly test: string;
  readonly visited: readonly string[];
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
    child.on("error", reject);
    child.on("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

async function runCampaign(folder: string): Promise<CampaignResult> {
  const isMarked = (file: string): boolean => CATCH_FOLDERS.some((each) => file.startsWith(`${each}/`));
  const bundled = await bundle("test/nth-failure/campaign/campaign.ts", (file, source) =>
    isMarked(file) ? markCatches(file, source) : source,
  );
  const result = join(folder, "campaign.json");
  try {
    const code = await run(process.execPath, [bundled.path, "all", result, values.workers, values.stores]);
    if (code !== 0) throw new Error(`the campaign ended with ${String(code)}`);
  } finally {
    bundled.remove();
  }
  return JSON.parse(readFileSync(result, "utf8")) as CampaignResult;
}

/** The tests, on marked sources. @returns what each test file visited, and whether all passed */
async function runTests(
  folder: string,
): Promise<{ readonly passed: boolean; readonly visits: readonly TestVisits[] }> {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const config = "test/nth-failure/catches/vitest.config.ts";
  const visitsFolder = mkdtempSync(join(folder, "visits-"));
  const code = await run(process.execPath, [vitest, "run", "--config", config], {
    CATCHES_FOLDER: visitsFolder,
  });
  const visits = readdirSync(visitsFolder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(visitsFolder, name), "utf8")) as TestVisits);
  return { passed: code === 0, visits };
}

function summaryOf(store: string, reports: readonly ScenarioReport[]): object {
  const mine = reports.filter((report) => report.store === store);
  const sum = (of: (report: ScenarioReport) => number): number =>
    mine.reduce((total, report) => total + of(report), 0);
  return {
    store,
    scenarios: mine.length,
    cutPoints: sum(({ calls }) => calls),
    cutPointsVisited: sum(({ visited }) => visited),
    cases: sum(({ cases }) => cases),
    broken: sum(({ failures }) => failures.length),
  };
}

function catchBranches(
  byLoop: readonly string[],
  visits: readonly TestVisits[],
  violations: string[],
): object {
  const branches = allCatches();
  const inLoop = new Set(byLoop);
  const reasons = new Map(NOT_VISITED.map((each) => [`${each.file} ${each.inside}`, each.reason]));
  const byTests: object[] = [];
  const notVisited: object[] = [];
  for (const { id, file, line, inside } of branches) {
    if (inLoop.has(id)) continue;
    const by = visits.find(({ visited }) => visited.includes(id));
    if (by !== undefined) {
      byTests.push({ file, line, test: by.test });
      continue;
    }
    const reason = reasons.get(`${file} ${inside}`) ?? null;
    if (reason === null)
      violations.push(`the catch branch at ${file}:${String(line)} (${inside}) was not visited`);
    notVisited.push({ file, line, reason });
  }
  const visited = branches.length - notVisited.length;
  return { found: branches.length, visited, visitedByLoop: visited - byTests.length, byTests, notVisited };
}

async function prove(folder: string): Promise<void> {
  const startedAt = performance.now();
  const { passed, visits } = await runTests(folder);
  const testsMs = Math.round(performance.now() - startedAt);
  const { reports, visited } = await runCampaign(folder);
  const violations = reports.flatMap(({ failures, missed }) => [
    ...failures,
    ...missed.map((what) => `not visited: ${what}`),
  ]);
  if (!passed) violations.push("a test failed while the catch branches were counted");
  const branches = catchBranches(visited, visits, violations);
  const isWhole = (store: string): boolean => {
    const mine = reports.filter((report) => report.store === store);
    return mine.length > 0 && mine.every(({ calls, visited: struck }) => calls > 0 && struck === calls);
  };
  const proof = {
    part: "nth-failure",
    inputs: values.inputs ?? null,
    complete: STORES.every(isWhole),
    cases: reports.reduce((total, report) => total + report.cases, 0),
    stores: STORES.map((store) => summaryOf(store, reports)),
    catchBranches: branches,
    violations,
    testsMs,
    elapsedMs: Math.round(performance.now() - startedAt),
  };
  writeFileSync(values.out, `${JSON.stringify(proof, null, 2)}\n`);
  for (const violation of violations) console.error(violation);
  process.exitCode = proof.complete && violations.length === 0 ? 0 : 1;
}

const folder = mkdtempSync(join(tmpdir(), "waybill-nth-failure-"));
try {
  await prove(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
