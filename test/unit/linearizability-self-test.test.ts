import { describe, expect, it } from "vitest";
import { checkLinearizable } from "../../src/testing/linearizability/check-linearizable.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import { CORRUPTIONS } from "./linearizability-corruptions.js";
import { type HistoryOptions, recordHistory } from "./linearizability-histories.js";

const SEEDS = 40;
/** Of each kind, over all seeds: a kind that is hardly ever done shows little. */
const LEAST_OF_A_KIND = 8;
const LEAST_OF_ALL = 200;

function options(seed: number): HistoryOptions {
  return { seed, callers: 1 + (seed % 4), callsEach: 24, lossy: seed % 3 !== 0 };
}

describe("the linearizability checker", () => {
  it("accepts every history of a store that keeps its contract, whatever got lost on the way", async () => {
    const met = { operations: 0, unanswered: 0, overlapping: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { operations, lostWrites } = await recordHistory(options(seed));
      expect(checkLinearizable({ operations, lostWrites }), `seed ${String(seed)}`).toEqual([]);
      met.operations += operations.length;
      met.unanswered += operations.filter(({ answer }) => answer === null).length;
      met.overlapping += operations.filter((each, index) =>
        operations.some(
          (other, place) =>
            place > index &&
            other.jobId === each.jobId &&
            other.invokedAt < (each.answeredAt ?? Infinity) &&
            each.invokedAt < (other.answeredAt ?? Infinity),
        ),
      ).length;
    }
    // Else it would say little.
    expect(met.operations).toBeGreaterThan(SEEDS * 20);
    expect(met.unanswered).toBeGreaterThan(SEEDS);
    expect(met.overlapping).toBeGreaterThan(SEEDS * 10);
  });

  it(`sees all of more than ${String(LEAST_OF_ALL)} corruptions, each of which nothing can explain`, async () => {
    const done = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { operations, lostWrites } = await recordHistory(options(seed));
      const random = seededRandom(seed);
      const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
      for (const { name, because, spoil } of CORRUPTIONS) {
        const spoiled = spoil(operations, pick);
        if (spoiled === null) continue;
        const verdicts = checkLinearizable({ operations: spoiled, lostWrites }).map(({ verdict }) => verdict);
        expect(verdicts, `seed ${String(seed)}: ${name} (${because})`).toEqual(["not_linearizable"]);
        done.set(name, (done.get(name) ?? 0) + 1);
      }
    }
    for (const { name } of CORRUPTIONS)
      expect(done.get(name) ?? 0, name).toBeGreaterThanOrEqual(LEAST_OF_A_KIND);
    expect([...done.values()].reduce((sum, each) => sum + each, 0)).toBeGreaterThan(LEAST_OF_ALL);
    if (process.env["REPORT"] !== undefined) console.log(Object.fromEntries(done));
  });
});
