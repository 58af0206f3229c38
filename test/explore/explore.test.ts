import { afterAll, describe, expect, it } from "vitest";
import { FAMILIES, type FamilyName } from "./families.js";
import { REAL } from "./model/rules.js";
import type { Setup } from "./model/world.js";
import { compareFutures } from "./same-futures.js";
import { type Monitor, Watch } from "./monitors.js";
import { type Report, search } from "./search.js";
import { BROKEN, NOT_APPLICABLE, SPARE, STUCK_WITHIN, stepsOf } from "./variants.js";

const lines: string[] = [];
let states = 0;

function row(name: string, report: Report, verdict: string): void {
  const cells = [name.padEnd(56), String(report.states).padStart(8), String(report.transitions).padStart(9)];
  lines.push(`${cells.join(" ")}  ${verdict.padEnd(18)} ${Math.round(report.ms)} ms`);
}

/** A search that hit its limit has judged no liveness, and safety only as far as it came. */
function verdictOf({ finding, complete, depth }: Report): string {
  if (finding !== null) return `BROKEN: ${finding.what}`;
  return complete ? "safe, live" : `no violation, capped at depth ${depth}`;
}

/** On a machine that has other things to do. */
const LONG_MS = 300_000;

const everything: ReadonlySet<Monitor> = new Set();

// At the bounds of the protocol check where these are small; the others there by `scripts/proof-explore.ts`.
describe("every reachable state of one job", () => {
  const names = Object.keys(FAMILIES) as FamilyName[];

  it.each(names)("is safe, and leads to a settled record: family %s", { timeout: LONG_MS }, (name) => {
    const report = search(
      { rules: REAL, setup: FAMILIES[name].small, watch: new Watch(everything) },
      { states: 400_000 },
    );
    states += report.states;
    row(name, report, verdictOf(report));
    expect(report.finding).toBeNull();
    expect(report.complete).toBe(true);
  });

  // With a second failure the search is too large to end here: no violation up to the cap, liveness not judged.
  it(
    "two relays whose notifier fails twice: a stale one never puts the wake-up off",
    { timeout: LONG_MS },
    () => {
      const { small } = FAMILIES.F;
      const setup: Setup = { ...small, budget: { ...small.budget, notifierFails: 2 } };
      const report = search({ rules: REAL, setup, watch: new Watch(everything) }, { states: 30_000 });
      states += report.states;
      row("F, two failures", report, verdictOf(report));
      expect(report.finding).toBeNull();
    },
  );

  it("are 200,000 at least", () => {
    expect(states).toBeGreaterThanOrEqual(200_000);
  });
});

// Where the store forgets, the texts tell more than they have to, so that equal futures may have different texts.
describe("states of one text have the same steps", () => {
  const names = (Object.keys(FAMILIES) as FamilyName[]).filter((name) => !name.startsWith("R"));

  it.each(names)("family %s", { timeout: LONG_MS }, (name) => {
    const world = { rules: REAL, setup: FAMILIES[name].whole, watch: new Watch(everything) };
    const { compared, different } = compareFutures(world, { states: 2_500, every: 7 });
    expect(compared).toBeGreaterThan(400);
    expect(different).toEqual([]);
  });
});

describe("the search can see", () => {
  it.each(BROKEN)(
    "$name",
    { timeout: LONG_MS },
    ({ name, family, rules, setup, smaller, off, found, listed, note }) => {
      const watch = new Watch(new Set(off ?? []));
      const bounds = { ...FAMILIES[family].whole, ...setup, ...smaller };
      const within = found === "stuck" ? { askedWithin: STUCK_WITHIN } : {};
      // What a broken rule no longer refuses is not spared.
      const world = { rules: { ...rules, spares: false }, setup: bounds, watch };
      const report = search(world, { states: 200_000, ...within });
      const { finding } = report;
      const steps = finding === null ? null : stepsOf(finding.steps);
      const verdict = finding === null ? "MISSED" : `${finding.what.split(" ")[0]!} in ${steps} of ${listed}`;
      row(`${name} [${family}]`, report, verdict);
      if (note !== undefined) lines.push(`    (${note})`);
      if (finding !== null) lines.push(...finding.steps.map((step, index) => `    ${index + 1}. ${step}`));
      expect(finding?.what.startsWith(found), `${name}: ${finding?.what ?? "nothing found"}`).toBe(true);
      expect(steps, `${name}: a counterexample no longer than listed`).toBeLessThanOrEqual(listed);
    },
  );
});

describe("the protocol could do without", () => {
  it.each(SPARE)("$name", { timeout: LONG_MS }, ({ name, family, rules, setup, smaller, off, note }) => {
    const watch = new Watch(new Set(off ?? []));
    const bounds = { ...FAMILIES[family].small, ...setup, ...smaller };
    const report = search({ rules, setup: bounds, watch }, { states: 400_000 });
    row(`${name} [${family}]`, report, verdictOf(report));
    if (note !== undefined) lines.push(`    (${note})`);
    expect(report.finding).toBeNull();
    expect(report.complete).toBe(true);
  });
});

afterAll(() => {
  console.log(
    `\nfamily or variant, states, transitions\n${lines.join("\n")}\n${states} states in the families\n`,
  );
  for (const [variant, reason] of NOT_APPLICABLE) console.log(`not applicable: ${variant}: ${reason}`);
});
