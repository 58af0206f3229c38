import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Cursor, mergeCursor, START } from "../../src/core/job/record.js";

const cursors: fc.Arbitrary<Cursor> = fc.record({
  upTo: fc.nat({ max: 3 }),
  attempts: fc.nat({ max: 3 }),
  since: fc.option(fc.nat({ max: 3 }), { nil: null }),
  retryAt: fc.option(fc.nat({ max: 3 }), { nil: null }),
  reason: fc.constantFrom(null, "busy"),
  exhausted: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
});

const rank = ({ upTo, attempts }: Cursor): number => upTo * 10 + attempts;

describe("merging cursors", () => {
  it("never moves one back, in whatever order the news come", () => {
    fc.assert(
      fc.property(cursors, cursors, (stored, given) => {
        const merged = mergeCursor(stored, given);
        expect([stored, given]).toContain(merged);
        expect(rank(merged)).toBe(Math.max(rank(stored), rank(given)));
      }),
    );
  });

  it("keeps what is stored when nothing is newer", () => {
    const stored: Cursor = { ...START, upTo: 2, attempts: 1, retryAt: 5, exhausted: [1] };
    expect(mergeCursor(stored, { ...stored, retryAt: 9 })).toBe(stored);
    expect(mergeCursor(START, stored)).toBe(stored);
  });

  it("is the same once and twice, and whoever comes first", () => {
    fc.assert(
      fc.property(cursors, cursors, cursors, (a, b, c) => {
        expect(mergeCursor(mergeCursor(a, b), b)).toEqual(mergeCursor(a, b));
        const one = rank(mergeCursor(mergeCursor(a, b), c));
        expect(one).toBe(rank(mergeCursor(mergeCursor(a, c), b)));
      }),
    );
  });
});
