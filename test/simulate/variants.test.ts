import { describe, expect, it } from "vitest";
import { simulate } from "./simulation.js";
import { BROKEN } from "./variants.js";

const MOST_SEEDS = 12;
const STEPS = 5_000;

describe("the monitors of the simulation", () => {
  for (const variant of BROKEN) {
    it(`see it when ${variant.name}`, { timeout: 300_000 }, async () => {
      const broken = new Set<string>();
      const isCaught = (): boolean => variant.caughtBy?.some((rule) => broken.has(rule)) === true;
      for (let seed = 1; seed <= MOST_SEEDS && !isCaught(); seed += 1) {
        const { violations } = await simulate({ seed, steps: STEPS, variant });
        for (const { rule } of violations) broken.add(rule);
      }
      expect(isCaught(), `broken: ${[...broken].join(", ") || "nothing"}`).toBe(true);
    });
  }
});
