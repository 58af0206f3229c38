import { describe, expect, it } from "vitest";
import type { Rule, Violation } from "./evidence.js";
import { SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { losesJobs } from "./sabotage.js";
import { sqliteTorture } from "./sqlite-torture.js";
import type { TortureOptions } from "./torture.js";
import { tortureInner } from "./torture-inner.js";
import { tortureProcesses } from "./torture-process.js";

// Nobody is killed: what is found was done on purpose.
const CALM: TortureOptions = {
  ...SHORT,
  jobs: 80,
  kills: 0,
  stops: 0,
  orderly: 0,
  workers: 1,
  loadMs: 3_000,
  drainMs: 60_000,
};

function rulesOf(violations: readonly Violation[]): ReadonlySet<Rule> {
  return new Set(violations.map(({ rule }) => rule));
}

describe.concurrent("a worker's process that goes around the guard in SQL is caught when it", () => {
  const cases: readonly (readonly [sabotage: string, rule: Rule])[] = [
    ["overwrites outcomes", "S2"],
    ["replaces outcomes", "S15"],
    ["deletes jobs", "lost"],
    ["repeats fences", "S5"],
  ];
  it.each(cases)("%s", { timeout: TIMEOUT_MS }, async (sabotage, rule) => {
    const { violations } = await tortureProcesses(sqliteTorture, { ...CALM, drainMs: 5_000 }, sabotage);
    expect(rulesOf(violations)).toContain(rule);
  });
});

describe.concurrent("a part that does not keep its word is caught:", () => {
  it("a store that acknowledges outcomes it dropped", { timeout: TIMEOUT_MS }, async () => {
    const { violations } = await tortureInner(CALM, { sabotage: "drops outcomes" });
    expect(rulesOf(violations)).toContain("S15");
  });

  it("a store that acknowledges jobs it never stored", { timeout: TIMEOUT_MS }, async () => {
    const { violations } = await tortureInner(CALM, { parent: losesJobs });
    expect(rulesOf(violations)).toEqual(new Set(["lost"]));
  });

  it("a notifier that loses what it says it delivered", { timeout: TIMEOUT_MS }, async () => {
    const { violations } = await tortureInner(CALM, { sabotage: "loses events" });
    expect(rulesOf(violations)).toContain("S14");
  });

  it("and honest parts are not", { timeout: TIMEOUT_MS }, async () => {
    const { violations, evidence } = await tortureInner(CALM);
    expect(violations).toEqual([]);
    expect(evidence.acknowledged.size).toBe(CALM.jobs);
  });
});
