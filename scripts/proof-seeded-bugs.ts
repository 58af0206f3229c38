/**
 * Puts each bug of the collection into a correct part and runs the published suite on it:
 * `npx tsx scripts/proof-seeded-bugs.ts [--suite store|queue|notifier|feed] [--only WORDS] --out FILE [--inputs DIGEST]`.
 *
 * A bug that no test of the suite notices is a violation, and so is a suite that fails on the part without a bug.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { judge, SEEDED_BUGS, SOUND, type SuiteName, type Verdict } from "../test/seeded-bugs/campaign.js";
import { firstFailure } from "../test/seeded-bugs/suite-tests.js";

const { values } = parseArgs({
  options: {
    suite: { type: "string" },
    only: { type: "string" },
    out: { type: "string", default: "proof-seeded-bugs.json" },
    inputs: { type: "string" },
  },
});

// What the suites say of capabilities, once for each test.
console.info = () => undefined;

const startedAt = performance.now();
const violations: string[] = [];
for (const [suite, tests] of Object.entries(SOUND) as [SuiteName, (typeof SOUND)[SuiteName]][]) {
  if (values.suite !== undefined && values.suite !== suite) continue;
  const began = performance.now();
  const failure = await firstFailure(tests());
  console.log(`${suite} without a bug: ${String(Math.round(performance.now() - began))} ms`);
  if (failure !== null) {
    console.log(failure.error);
    violations.push(`the ${suite} without a bug fails "${failure.title}"`);
  }
}
const verdicts: Verdict[] = [];
for (const bug of SEEDED_BUGS) {
  if (values.suite !== undefined && values.suite !== bug.suite) continue;
  if (values.only !== undefined && !new RegExp(values.only).test(bug.name)) continue;
  const verdict = await judge(bug);
  verdicts.push(verdict);
  const { suite, name, caughtBy, expected } = verdict;
  const elsewhere = caughtBy?.startsWith(`${expected} > `) === true ? "" : `, not by ${expected}`;
  console.log(
    `${caughtBy === null ? "SURVIVES" : "caught"}: ${suite}: ${name} → ${caughtBy ?? "nobody"}${elsewhere}`,
  );
  if (caughtBy === null) violations.push(`nobody noticed: ${suite}: ${name}`);
}
const counts: Record<string, number> = {};
for (const { suite } of verdicts) counts[suite] = (counts[suite] ?? 0) + 1;
const proof = {
  part: "seeded-bugs",
  inputs: values.inputs ?? null,
  complete: values.suite === undefined && values.only === undefined,
  bugs: verdicts.length,
  caught: verdicts.filter(({ caughtBy }) => caughtBy !== null).length,
  ...counts,
  violations,
  verdicts: verdicts.map(({ suite, name, breaks, caughtBy }) => ({ suite, name, breaks, caughtBy })),
  elapsedMs: Math.round(performance.now() - startedAt),
};
writeFileSync(values.out, `${JSON.stringify(proof, null, 2)}\n`);
console.log(`${String(proof.caught)} of ${String(proof.bugs)} caught`);
process.exitCode = violations.length === 0 ? 0 : 1;
