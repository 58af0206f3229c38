import { describe, expect, it } from "vitest";
import { ID_PATTERN } from "../../src/core/environment/ids.js";
import { seededIds, seededRandom } from "../../src/testing/seeded-ids.js";

describe("seeded ids", () => {
  it("repeats itself from the same seed and differs from another", () => {
    const draw = (seed: number) => {
      const ids = seededIds(seed);
      return [ids.job(5), ids.transition(), ids.token(), ids.random()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
  });

  it("makes valid job ids that sort by time, then by creation", () => {
    const ids = seededIds(1);
    const made = [1, 1, 1, 2, 15, 16, 1_700_000_000_000, 1_700_000_000_000].map((at) => ids.job(at));
    for (const id of made) expect(id).toMatch(ID_PATTERN);
    expect([...made].sort()).toEqual(made);
  });

  it("never makes a transition id or token twice in ten thousand", () => {
    const ids = seededIds(3);
    const made = Array.from({ length: 10_000 }, () => [ids.transition(), ids.token()]).flat();
    expect(new Set(made).size).toBe(20_000);
  });

  it("draws evenly from [0, 1)", () => {
    const random = seededRandom(42);
    const drawn = Array.from({ length: 10_000 }, random);
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(drawn.reduce((sum, value) => sum + value, 0) / drawn.length).toBeCloseTo(0.5, 1);
  });
});
