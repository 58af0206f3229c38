import fc from "fast-check";
import { expect, it } from "vitest";
import { tally } from "../../src/index.js";

const STATES = ["launching", "ready", "failed"] as const;

it("counts each item once, in all and by state", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATES)), (items) => {
      const { total, ...by } = tally(items, (state) => state, STATES);
      expect(total).toBe(items.length);
      expect(by).toEqual(
        Object.fromEntries(STATES.map((state) => [state, items.filter((item) => item === state).length])),
      );
    }),
  );
});

it("refuses an item whose state it was not told", () => {
  expect(() => tally(["ready", "gone"], (state) => state as "ready", STATES)).toThrow(
    "Item 1 of a tally is in none of its states (launching, ready, failed).",
  );
});

it.each([[["ready", "ready"]], [["total"]]])("refuses states %s", (states) => {
  expect(() => tally([], () => "ready", states)).toThrow("each state once");
});
