import { describe, expect, it } from "vitest";
import { allCuts } from "./all-cuts.js";
import { SCENARIOS } from "./scenarios.js";
import { MEMORY } from "./stores.js";
import { NAIVE } from "./variants.js";

describe("the loop sees a library that breaks the rules", () => {
  it.each(NAIVE.map((naive) => [naive.variant.name, naive] as const))(
    "%s",
    async (_, { variant, scenario: name, caughtBy }) => {
      const scenario = SCENARIOS.find((each) => each.name === name);
      if (scenario === undefined) throw new Error(`There is no scenario "${name}".`);
      const report = await allCuts(scenario, MEMORY, { variant, most: 3 });
      expect(report.failures.length).toBeGreaterThan(0);
      expect(
        caughtBy.some((rule) => report.rules.includes(rule)),
        report.failures.join("\n\n"),
      ).toBe(true);
    },
    60_000,
  );
});
