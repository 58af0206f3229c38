import type { SimulationResult } from "./simulation.js";

/** What a failed run tells: what was broken, how it came to it, how to see it again. */
export function replayText({ seed, violations, lines, steps }: SimulationResult, asked: number): string {
  return [
    `Seed ${String(seed)} broke a rule at step ${String(violations[0]?.step ?? steps)}.`,
    `Replay: SEED=${String(seed)} STEPS=${String(asked)} npx vitest run test/simulate`,
    ...violations.map(({ rule, text }) => `  ${rule} ${text}`),
    "The last lines of its trace (step, ms, what happened):",
    ...lines.map((line) => `  ${line}`),
  ].join("\n");
}
