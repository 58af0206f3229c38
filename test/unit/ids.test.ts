import { describe, expect, it } from "vitest";
import { ID_PATTERN, systemIds } from "../../src/core/environment/ids.js";

const MANY = 5_000;
const many = <T>(make: () => T): T[] => Array.from({ length: MANY }, make);

describe("system ids", () => {
  it("are UUIDs of version 7 that carry the instant and never repeat", () => {
    const now = 1_735_689_600_123;
    const ids = many(() => systemIds.job(now));
    expect(new Set(ids).size).toBe(MANY);
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id).toMatch(ID_PATTERN);
      expect(parseInt(id.slice(0, 13).replace("-", ""), 16)).toBe(now);
    }
  });

  it("sort by creation within a millisecond", () => {
    // Each millisecond begins at a place of its own: one alone would prove little.
    for (let ms = 0; ms < 40; ms += 1) {
      const ids = Array.from({ length: 2_000 }, () => systemIds.job(1_735_689_600_999 + ms));
      expect(ids.slice().sort()).toEqual(ids);
    }
  });

  it("sort by time", () => {
    const ids = [1, 15, 16, 1_000_000, 1_735_689_600_123].map((now) => systemIds.job(now));
    expect(ids.slice().sort()).toEqual(ids);
  });

  it("name transitions with 96 bits and claims with 128 at least", () => {
    const transitions = many(() => systemIds.transition());
    const tokens = many(() => systemIds.token());
    expect(new Set([...transitions, ...tokens]).size).toBe(2 * MANY);
    for (const text of transitions) expect(text).toMatch(/^[A-Za-z0-9_-]{16}$/);
    for (const text of tokens) expect(text).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it("use every character alike", () => {
    const counts = new Map<string, number>();
    for (const text of many(() => systemIds.token())) {
      for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    const expected = (MANY * 22) / 64;
    // Six standard deviations: a fair source misses it once in many million runs.
    for (const count of counts.values())
      expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
  });

  it("draw numbers in [0, 1)", () => {
    const numbers = many(() => systemIds.random());
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(Math.abs(numbers.reduce((sum, number) => sum + number, 0) / MANY - 0.5)).toBeLessThan(0.05);
  });

  it.each(["", "a b", "a/b", "a.b", "ä", "a\n", "x".repeat(129)])("the pattern refuses %j", (id) => {
    expect(ID_PATTERN.test(id)).toBe(false);
  });
});
