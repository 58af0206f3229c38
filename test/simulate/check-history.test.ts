import { describe, expect, it } from "vitest";
import type { EdgeId } from "../../src/core/job/lifecycle.js";
import { type CheckedEntry, checkHistory } from "../../src/testing/check-history.js";

const EDGES: readonly EdgeId[] = ["T1", "T2", "T4", "phase", "T7", "T2", "T4", "waiting", "T5"];

function history(): CheckedEntry[] {
  return EDGES.map((edge, index) => ({ version: index + 1, edge, transitionId: `t${String(index)}` }));
}

/** What a checker must see; each spoils a good history in one way. */
const CORRUPTIONS: readonly (readonly [
  what: string,
  rule: string,
  spoil: (entries: CheckedEntry[]) => CheckedEntry[],
])[] = [
  ["a missing entry", "S1", (entries) => entries.filter((_, index) => index !== 2)],
  [
    "two entries that changed places",
    "S1",
    ([a, b, c, ...rest]) => [a, c, b, ...rest].filter((each) => each !== undefined),
  ],
  [
    "an entry behind the end",
    "S2",
    (entries) => [...entries, { version: 10, edge: "T6", transitionId: "x" }],
  ],
  [
    "a version that stands twice",
    "S4",
    (entries) => entries.map((each) => (each.version === 5 ? { ...each, version: 4 } : each)),
  ],
  [
    "a version that falls",
    "S4",
    (entries) => entries.map((each) => (each.version === 7 ? { ...each, version: 2 } : each)),
  ],
  [
    "a transition id in two places",
    "S8",
    (entries) => entries.map((each) => (each.version === 8 ? { ...each, transitionId: "t2" } : each)),
  ],
];

describe("checkHistory", () => {
  it("finds nothing wrong with a good history", () => {
    expect(checkHistory(history())).toEqual([]);
  });

  it("takes a history whose old entries were trimmed", () => {
    expect(checkHistory(history().slice(3), "PROCESSING")).toEqual([]);
  });

  it("lets the entries of one write share its transition id", () => {
    const [first, second, ...rest] = history();
    if (first === undefined || second === undefined) throw new Error("no history");
    expect(checkHistory([first, { ...second, transitionId: first.transitionId }, ...rest])).toEqual([]);
  });

  for (const [what, rule, spoil] of CORRUPTIONS) {
    it(`sees ${what}`, () => {
      expect(checkHistory(spoil(history())).map((fault) => fault.rule)).toContain(rule);
    });
  }
});
