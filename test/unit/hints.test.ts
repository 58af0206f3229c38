import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FeedHint } from "../../src/core/ports/feed.js";
import { decodeHints, encodeHints, HEARTBEAT } from "../../src/core/wire/hints.js";

const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme", maxLength: 30 }));
const hint: fc.Arbitrary<FeedHint> = fc.record({
  id: text,
  kind: text,
  version: fc.maxSafeNat(),
  owner: fc.option(text),
  subject: fc.option(text),
});

const bytesOf = (payload: string): number => Buffer.byteLength(payload);

describe("hints on the wire", () => {
  it("come out as they went in, in order, however they are spread over payloads", () => {
    fc.assert(
      fc.property(fc.array(hint), fc.integer({ min: 2_000, max: 5_000 }), (hints, maxBytes) => {
        const payloads = encodeHints(hints, maxBytes);
        expect(payloads.flatMap((payload) => decodeHints(payload).hints)).toEqual(hints);
        for (const payload of payloads) expect(bytesOf(payload)).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });

  it("fill a payload to its last byte, and begin another behind it", () => {
    const one: FeedHint = { id: "a", kind: "k", version: 1, owner: null, subject: null };
    const size = bytesOf(encodeHints([one], 1_000)[0]!);
    // Two tuples share the brackets and are parted by a comma.
    expect(encodeHints([one, one], 2 * size - 1)).toHaveLength(1);
    expect(encodeHints([one, one], 2 * size - 2)).toHaveLength(2);
    expect(encodeHints([one], size)).toHaveLength(1);
  });

  it("are dropped one by one where they fit in no payload, and counted in bytes", () => {
    const small: FeedHint = { id: "a", kind: "k", version: 1, owner: null, subject: null };
    const large = { ...small, subject: "東".repeat(40) };
    const payloads = encodeHints([small, large, small], 100);
    expect(payloads.flatMap((payload) => decodeHints(payload).hints)).toEqual([small, small]);
  });

  it("are no payload where there are none", () => {
    expect(encodeHints([], 1_000)).toEqual([]);
  });

  it("have a heartbeat, which is a sign of life and no hint", () => {
    expect(decodeHints(HEARTBEAT)).toEqual({ hints: [], heartbeat: true });
  });

  it("are decoded whatever anybody sends, without a throw", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (payload) => {
        const { hints } = decodeHints(payload);
        for (const each of hints) expect(Object.keys(each)).toHaveLength(5);
      }),
    );
  });

  it.each([
    ["not JSON", "["],
    ["an object", "{}"],
    ["null", "null"],
    ["a tuple of four", '[["a",1,null,null]]'],
    ["a version that is none", '[["a","k",1.5,null,null]]'],
    ["a number for an owner", '[["a","k",1,7,null]]'],
  ])("leave out %s", (_what, payload) => {
    expect(decodeHints(payload)).toEqual({ hints: [], heartbeat: false });
  });
});
