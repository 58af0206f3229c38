import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeHistory,
  encodeEntry,
  encodeHistory,
  entryFrom,
  entryTemplate,
  entryTo,
  fillTemplate,
  type HistoryEntry,
  historyOf,
  joinHistory,
} from "../../src/core/job/history.js";
import { EDGES, type EdgeId } from "../../src/core/job/lifecycle.js";

const text = fc.option(fc.string({ unit: "binary" }), { nil: null });
const entries: fc.Arbitrary<HistoryEntry> = fc.record({
  version: fc.integer({ min: 1 }),
  edge: fc.constantFrom(...(Object.keys(EDGES) as EdgeId[])),
  at: fc.integer({ min: 0, max: 8.64e15 }),
  attempt: fc.nat(),
  transitionId: fc.string({ minLength: 1 }),
  actor: text,
  reason: text,
  text,
  expose: fc.boolean(),
});

describe("history", () => {
  it("that something else wrote is told as such, by the job and not by its text", () => {
    const damaged = { id: "job-1", history: '[1,"T1",5,0,"secret' };
    expect(() => historyOf(damaged)).toThrow(
      expect.objectContaining({ code: "store.corrupt", message: expect.not.stringContaining("secret") }),
    );
    expect(() => historyOf(damaged)).toThrow("job-1");
  });

  it("comes back as it went, whatever the texts", () => {
    fc.assert(
      fc.property(fc.array(entries), (given) => {
        expect(decodeHistory(encodeHistory(given))).toEqual(given);
      }),
    );
  });

  it("is joined without being read", () => {
    fc.assert(
      fc.property(fc.array(entries), fc.array(entries), (first, second) => {
        const joined = joinHistory(encodeHistory(first), encodeHistory(second));
        expect(decodeHistory(joined)).toEqual([...first, ...second]);
      }),
    );
  });

  it("takes a line of sixty bytes for an entry without texts", () => {
    const plain = {
      version: 2,
      edge: "T2",
      at: 1_735_689_600_123,
      attempt: 0,
      transitionId: "x".repeat(16),
    } as const;
    const entry: HistoryEntry = { ...plain, actor: null, reason: null, text: null, expose: false };
    expect(encodeEntry(entry).length).toBeLessThanOrEqual(60);
  });

  it("is written by a store from a template as the core would write it", () => {
    fc.assert(
      fc.property(entries, (given) => {
        const entry = { ...given, reason: null, text: null, expose: false };
        const template = entryTemplate(entry.edge, entry);
        expect(fillTemplate(template, entry.version, entry.at, entry.attempt)).toBe(encodeEntry(entry));
      }),
    );
  });

  it("says what was before and after each entry", () => {
    const at = (edge: EdgeId) => ({
      version: 1,
      edge,
      at: 0,
      attempt: 0,
      transitionId: "t",
      actor: null,
      reason: null,
      text: null,
      expose: false,
    });
    expect([entryFrom(at("T1")), entryTo(at("T1"))]).toEqual([null, "PENDING"]);
    expect([entryFrom(at("T6")), entryTo(at("T6"))]).toEqual(["PROCESSING", "FAILED"]);
  });

  it.each(["[", "nonsense", '[1,"T1"'])("that was not written here is no history: %s", (history) => {
    expect(() => decodeHistory(history)).toThrow(SyntaxError);
  });
});
