import { afterAll, expect, it } from "vitest";
import { allCuts, type ScenarioReport, type StoreKind, table } from "./all-cuts.js";
import { SCENARIOS } from "./scenarios.js";

const PATIENCE_MS = 300_000;

/**
 * One test for each scenario on one kind of store, and the table of what was visited.
 *
 * @param sampleEvery - as for `allCuts`: without it, every call is broken
 */
export function everyCall(kind: StoreKind, sampleEvery?: number): void {
  const reports: ScenarioReport[] = [];
  for (const [turn, scenario] of SCENARIOS.entries()) {
    const options = sampleEvery === undefined ? {} : { sampleEvery, turn };
    it(
      `a job that ${scenario.name}`,
      async () => {
        const report = await allCuts(scenario, kind, options);
        reports.push(report);
        expect(report.failures.join("\n\n")).toBe("");
        expect(report.missed).toEqual([]);
        expect(report.visited).toBe(Math.ceil(report.calls / (sampleEvery ?? 1)));
        expect(report.calls).toBeGreaterThan(10);
      },
      PATIENCE_MS,
    );
  }
  it(
    "goes on the same way twice",
    async () => {
      const [scenario] = SCENARIOS;
      if (scenario === undefined) throw new Error("There is no scenario.");
      const options = sampleEvery === undefined ? {} : { sampleEvery };
      const once = await allCuts(scenario, kind, options);
      const again = await allCuts(scenario, kind, options);
      expect(again.hash).toBe(once.hash);
    },
    PATIENCE_MS,
  );
  afterAll(() => {
    console.log(table(reports));
  });
}
