/**
 * Takes each guard of a store out, one at a time, and looks whether a test notices:
 * `npx tsx scripts/proof-guard-deletion.ts --store sqlite|postgres|redis|dynamodb|memory --out FILE [--inputs DIGEST] [--workers 2]`.
 *
 * The guards are found in what is sent to the driver, so that nothing has to be written down for a new one, and what no
 * test sends is told. Of SQL: each condition of a WHERE, an ON or a WHEN, each limit, order, lock, conflict clause and choice
 * among values. Of Redis' scripts: each condition, each operand of `and` and `or`, each bound, limit and option of a command.
 * Of DynamoDB's requests: each clause of a condition, a key and an update, each limit, direction and option; and each
 * condition of the source that reads and compares, by a switch in the bundle. Of the memory store: the clauses written down
 * in `memory-deletions.ts` and every condition of its source. A guard that nothing can be seen of stands in
 * `equivalent.ts` with its reason; one that stands there and is noticed after all is told too.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CampaignResult } from "../test/guard-deletion/campaign.js";
import { EQUIVALENT, type Equivalent, matches } from "../test/guard-deletion/equivalent.js";
import type { Verdict } from "../test/guard-deletion/engine.js";
import type { MemoryCampaignResult } from "../test/guard-deletion/memory-campaign.js";
import { withDynamoDbSwitches } from "../test/guard-deletion/dynamodb/switches.js";
import { unsentFragments } from "../test/guard-deletion/sql/fragments.js";
import { bundle } from "../test/nth-failure/campaign/bundle.js";

const STORES = ["sqlite", "postgres", "redis", "dynamodb", "memory"] as const;

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    out: { type: "string" },
    inputs: { type: "string" },
    workers: { type: "string", default: "2" },
  },
});

const store = STORES.find((each) => each === values.store);
if (store === undefined) throw new Error(`--store is one of ${STORES.join(", ")}`);
const out = values.out ?? `proof-guard-deletion-${store}.json`;

/** @param env - what is else in the environment there */
async function runBundle(entry: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const bundled = await bundle(entry, store === "dynamodb" ? withDynamoDbSwitches : undefined);
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, [bundled.path, ...args], {
        stdio: "inherit",
        env: { ...process.env, ...env },
      });
      child.on("error", reject);
      child.on("exit", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`the campaign ended with ${String(code)}`));
      });
    });
  } finally {
    bundled.remove();
  }
}

interface Outcome {
  readonly verdicts: readonly Verdict[];
  readonly statements: number | null;
  readonly unsent: readonly string[];
}

async function campaign(folder: string): Promise<Outcome> {
  const result = join(folder, "campaign.json");
  if (store === "memory") {
    await runBundle("test/guard-deletion/memory-campaign.ts", [result]);
    const { verdicts } = JSON.parse(readFileSync(result, "utf8")) as MemoryCampaignResult;
    return { verdicts, statements: null, unsent: [] };
  }
  // A process that is lost in a statement is killed, and its files with this folder.
  const files = store === "sqlite" || store === "redis" ? { TMPDIR: folder } : {};
  await runBundle("test/guard-deletion/campaign.ts", ["all", values.store, result, values.workers], files);
  const { verdicts, baseline, unsent } = JSON.parse(readFileSync(result, "utf8")) as CampaignResult;
  const { statements } = baseline;
  const isSql = store === "sqlite" || store === "postgres";
  const fragments = isSql ? unsentFragments(`src/adapters/${store}`, statements) : [];
  return {
    verdicts,
    statements: statements.length,
    unsent: [
      ...unsent.map((text) => `no test sends it, or comes to it: ${text}`),
      ...fragments.map(
        ({ file, line, text }) =>
          `${file}:${String(line)}: in no statement that a test sends: ${text.trim()}`,
      ),
    ],
  };
}

/** Guards that were missed without a reason, and reasons that do not hold. */
function violationsOf(verdicts: readonly Verdict[], known: readonly Equivalent[]): readonly string[] {
  const isEquivalent = (key: string): boolean => known.some((each) => matches(each, key));
  return verdicts.flatMap(({ key, caughtBy, unreadable }) => [
    ...(caughtBy === null && !isEquivalent(key) ? [`nobody noticed: ${key}`] : []),
    ...(caughtBy !== null && isEquivalent(key) ? [`not equivalent, ${caughtBy} noticed: ${key}`] : []),
    ...unreadable.map((sql) => `not even read, ${key}: ${sql}`),
  ]);
}

async function prove(folder: string): Promise<void> {
  const startedAt = performance.now();
  const { verdicts, statements, unsent } = await campaign(folder);
  const known = EQUIVALENT[store ?? "sqlite"];
  const caught = verdicts.filter(({ caughtBy }) => caughtBy !== null);
  const equivalent = verdicts.flatMap(({ key, caughtBy }) => {
    const found = known.find((each) => matches(each, key));
    return caughtBy === null && found !== undefined ? [{ guard: key, reason: found.reason }] : [];
  });
  const stale = known.filter((each) => !verdicts.some(({ key }) => matches(each, key)));
  const violations = [
    ...violationsOf(verdicts, known),
    ...stale.map(({ guard }) => `equivalent, but nowhere: ${String(guard)}`),
    ...unsent,
  ];
  const proof = {
    part: "guard-deletion",
    store,
    inputs: values.inputs ?? null,
    complete: verdicts.length > 0,
    statements,
    guards: verdicts.length,
    caught: caught.length,
    equivalents: equivalent.length,
    equivalent,
    violations,
    elapsedMs: Math.round(performance.now() - startedAt),
    verdicts: verdicts.map(({ key, caughtBy }) => ({ guard: key, caughtBy })),
  };
  writeFileSync(out, `${JSON.stringify(proof, null, 2)}\n`);
  for (const violation of violations) console.error(violation);
  console.log(`${verdicts.length} guards, ${caught.length} noticed, ${equivalent.length} equivalent`);
  process.exitCode = proof.complete && violations.length === 0 ? 0 : 1;
}

const folder = mkdtempSync(join(tmpdir(), "waybill-guard-deletion-"));
try {
  await prove(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
