import { afterAll, describe, expect, it } from "vitest";
import { FAMILIES, type FamilyName } from "./families.js";
import { REAL } from "./model/rules.js";
import { type Monitor, Watch } from "./monitors.js";
import { type Report, search } from "./search.js";
import { VARIANTS } from "./variants.js";

const lines: string[] = [];
let states = 0;

function row(name: string, report: Report, verdict: string): void {
  const cells = [name.padEnd(46), String(report.states).padStart(8), String(report.transitions).padStart(9)];
  lines.push(`${cells.join(" ")}  ${verdict.padEnd(14)} ${Math.round(report.ms)} ms`);
}

/** A search that hit its limit has judged no liveness, and safety only as far as it came. */
function verdictOf({ finding, complete }: Report): string {
  if (finding !== null) return "BROKEN";
  return complete ? "safe, live" : "CAPPED";
}

const everything: ReadonlySet<Monitor> = new Set();

describe("every reachable state of one job", () => {
  const names = (Object.keys(FAMILIES) as FamilyName[]).filter((name) => name !== "D");

  it.each(names)("is safe, and leads to a settled record: family %s", { timeout: 90_000 }, (name) => {
    const report = search(
      { rules: REAL, setup: FAMILIES[name], watch: new Watch(everything) },
      { states: 200_000 },
    );
    states += report.states;
    row(name, report, verdictOf(report));
    expect(report.finding).toBeNull();
    expect(report.complete).toBe(true);
  });

  // Too many states to visit all of them here: safety as far as it comes, no word about liveness.
  it("is safe in the first 60,000 states of family D", { timeout: 90_000 }, () => {
    const report = search(
      { rules: REAL, setup: FAMILIES.D, watch: new Watch(everything) },
      { states: 60_000 },
    );
    states += report.states;
    row(`D (to depth ${report.depth})`, report, verdictOf(report));
    expect(report.finding).toBeNull();
  });

  // With a second failure the search is too large to end here: no violation up to the cap, liveness not judged.
  it(
    "two relays whose notifier fails twice: a stale one never puts the wake-up off",
    { timeout: 120_000 },
    () => {
      const budget = { ...FAMILIES.F.budget, notifierFails: 2 };
      const report = search(
        { rules: REAL, setup: { ...FAMILIES.F, budget }, watch: new Watch(everything) },
        { states: 60_000 },
      );
      row(
        "F2",
        report,
        report.finding === null ? `no violation, capped at depth ${report.depth}` : report.finding.what,
      );
      expect(report.finding).toBeNull();
    },
  );
});

describe("the search can see", () => {
  it.each(VARIANTS)("$name", { timeout: 60_000 }, ({ name, family, rules, setup, off, found }) => {
    const watch = new Watch(new Set(off ?? []));
    const report = search({ rules, setup: { ...FAMILIES[family], ...setup }, watch }, { states: 200_000 });
    const { finding } = report;
    row(
      `${name} [${family}]`,
      report,
      finding === null ? "MISSED" : `${finding.what.split(" ")[0]!} in ${finding.steps.length}`,
    );
    if (finding !== null) lines.push(...finding.steps.map((step, index) => `    ${index + 1}. ${step}`));
    expect(finding?.what.startsWith(found), `${name}: ${finding?.what ?? "nothing found"}`).toBe(true);
  });
});

afterAll(() => {
  console.log(
    `\nfamily or variant, states, transitions\n${lines.join("\n")}\n${states} states in the families\n`,
  );
});
