import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { idUnderScope, inputHash, scopeHash, sha256Hex } from "../../src/core/json/hash.js";
import { ID_PATTERN, systemIds } from "../../src/core/environment/ids.js";

it("hashes as Node does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(sha256Hex(text)).toBe(createHash("sha256").update(text).digest("hex"));
    }),
  );
});

/** Few characters, so that parts run into each other, and those that an encoding may trip over. */
const part = fc.string({
  unit: fc.constantFrom("a", "1", ":", ";", "-", '"', "\\", "\0", "\ud800", "\ud801", "\ufffd"),
});
const triple = fc.tuple(fc.option(part), part, part);

it("gives two triples of owner, kind and key one scope only if they are the same", () => {
  fc.assert(
    fc.property(triple, triple, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(scopeHash(...one) === scopeHash(...other)).toBe(same);
    }),
    { numRuns: 2000 },
  );
});

type Triple = Parameters<typeof scopeHash>;

it.each<[Triple, Triple]>([
  [
    [null, "k", "x"],
    ["", "k", "x"],
  ],
  [
    ["a", "bc", "d"],
    ["ab", "c", "d"],
  ],
  [
    ["a", "b", "\ud800"],
    ["a", "b", "\ud801"],
  ],
  [
    ["-;", "b", "c"],
    [null, "b", "c"],
  ],
])("tells %j from %j", (one, other) => {
  expect(scopeHash(...one)).not.toBe(scopeHash(...other));
});

it("keeps the scope of a key as it is: stored jobs are found by it", () => {
  expect(scopeHash("owner-1", "document.ingest", "upload-1")).toMatchInlineSnapshot(
    `"344a4509ad79645a6e190de9ae1695c88eb3364521b25da5ccc72571bff8b8cb"`,
  );
  expect(inputHash('{"b":[1,2],"a":"x"}')).toMatchInlineSnapshot(
    `"721ef82f2d6c0997bffb7a8ab3f40f8fb45b0b52ce2af3afa6b0f05efbdc317f"`,
  );
});

it("hashes an input without regard to the order of its keys, and to nothing else", () => {
  expect(inputHash('{"a":1,"b":{"c":2,"d":3}}')).toBe(inputHash('{ "b": {"d":3,"c":2}, "a": 1.0 }'));
  expect(inputHash('{"a":[1,2]}')).not.toBe(inputHash('{"a":[2,1]}'));
  expect(inputHash('{"a":"1"}')).not.toBe(inputHash('{"a":1}'));
});

it("makes ids under a scope that are ids still, and UUIDs still, ending alike for one scope", () => {
  const scope = scopeHash("o", "k", "key");
  const ids = Array.from({ length: 20 }, () => idUnderScope(systemIds.job(Date.now()), scope));
  for (const id of ids) {
    expect(id).toMatch(ID_PATTERN);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(id.slice(-2)).toBe(scope.slice(0, 2));
  }
  expect(new Set(ids).size).toBe(20);
});

it("refuses to take two characters from an id that has none to spare", () => {
  expect(() => idUnderScope("abcdefgh", scopeHash(null, "k", "x"))).toThrow("[id.invalid]");
  expect(idUnderScope("abcdefghi", "0fff")).toBe("abcdefg0f");
});
