import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json/json.js";
import { canonicalJson, parseJsonText, toJsonText } from "../../src/core/json/json-text.js";

const LIMITS = { maxBytes: 64 * 1024 };

function refusalOf(value: unknown) {
  const result = toJsonText(value, LIMITS);
  if (result.ok) throw new Error(`accepted as ${result.text}`);
  return result;
}

/** JSON values, with hostile keys and text. `__proto__` is no key of ours. */
const json = fc
  .jsonValue({ maxDepth: 4, noUnicodeString: false })
  .filter((value) => !JSON.stringify(value).includes("__proto__")) as fc.Arbitrary<Json>;

describe("toJsonText", () => {
  it("says what the value says: reading it back gives the same", () => {
    fc.assert(
      fc.property(json, (value) => {
        const result = toJsonText(value, { maxBytes: Infinity });
        expect(result.ok && parseJsonText(result.text)).toStrictEqual(value);
      }),
    );
  });

  it("writes what JSON.stringify writes, and counts its bytes", () => {
    fc.assert(
      fc.property(fc.oneof(json, fc.string({ unit: "binary" })), (value) => {
        const result = toJsonText(value, { maxBytes: Infinity });
        const text = JSON.stringify(value);
        expect(result).toEqual({ ok: true, text: expect.any(String) });
        const bytes = Buffer.byteLength(result.ok ? result.text : "");
        expect(toJsonText(value, { maxBytes: bytes })).toEqual(result);
        expect(toJsonText(value, { maxBytes: bytes - 1 })).toMatchObject({ ok: false, reason: "too_large" });
        // But for -0, which JSON.stringify changes in silence.
        if (!hasNegativeZero(value)) expect(result.ok && result.text).toBe(text);
      }),
    );
  });

  it("never throws and never changes a value in silence, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
          withObjectString: true,
          withBoxedValues: true,
        }),
        (value) => {
          const result = toJsonText(value, LIMITS);
          if (result.ok) expect(parseJsonText(result.text)).toEqual(value);
        },
      ),
    );
  });

  it.each([
    ["a bigint", { a: 1n }, "a"],
    ["a function", { a: { f: () => 1 } }, "a.f"],
    ["a symbol", [Symbol("x")], "0"],
    ["undefined as a whole", undefined, ""],
    ["undefined in an array", [1, undefined], "1"],
    ["NaN", { n: NaN }, "n"],
    ["an infinite number", [[-Infinity]], "0.0"],
    ["a Date", { inner: { at: new Date(0) } }, "inner.at"],
    ["a Map", new Map(), ""],
    ["a Set", [new Set()], "0"],
    ["a RegExp", /x/, ""],
    ["an Error", new Error("x"), ""],
    ["a boxed number", { n: Object(1) as unknown }, "n"],
    ["a typed array", { bytes: new Uint8Array(2) }, "bytes"],
    ["an ArrayBuffer", new ArrayBuffer(2), ""],
    [
      "an instance of a class",
      {
        x: new (class Point {
          x = 1;
        })(),
      },
      "x",
    ],
    ["an object below an object", Object.create({ a: 1 }), ""],
    ["an array of a class", new (class List extends Array<number> {})(), ""],
    ["an array without a prototype", Object.setPrototypeOf([], null), ""],
    [
      "an array below something else",
      Object.setPrototypeOf([], Object.setPrototypeOf([], null) as object),
      "",
    ],
    ["an array with a hole", [1, , 3], ""], // eslint-disable-line no-sparse-arrays
    ["an array of holes only", new Array(4_294_967_295), ""],
    ["an array with a property", Object.assign([1], { more: 2 }), ""],
    ["a hole made up for by a property", Object.assign(new Array(1), { more: 2 }), ""],
    ["a symbol as a key", { a: { [Symbol("s")]: 1 } }, "a"],
    ["a symbol as a key of an array", Object.assign([], { [Symbol("s")]: 1 }), ""],
    ["a function named toJSON", { toJSON: () => "other" }, "toJSON"],
    ["an own key __proto__", { a: JSON.parse('{"__proto__":{"x":1}}') as unknown }, "a.__proto__"],
  ])("refuses %s, naming its place", (_, value, path) => {
    expect(refusalOf(value)).toMatchObject({ reason: "not_json_safe", path });
  });

  it("leaves out properties that are undefined, as JSON does", () => {
    expect(toJsonText({ a: undefined, b: 1, c: undefined }, LIMITS)).toMatchObject({ text: '{"b":1}' });
  });

  it("quotes as JSON.stringify does, in keys and in values: every unit of text, alone and between others", () => {
    for (let unit = 0; unit <= 0xffff; unit += 1) {
      const text = String.fromCharCode(unit);
      for (const value of [text, { [`a${text}`]: `${text}b` }]) {
        const result = toJsonText(value, LIMITS);
        if (!result.ok || result.text !== JSON.stringify(value))
          expect.unreachable(`U+${unit.toString(16)} is written otherwise`);
      }
    }
  });

  it("keeps -0, which JSON can say", () => {
    const result = toJsonText([-0, 0], LIMITS);
    expect(result.ok && parseJsonText(result.text)).toStrictEqual([-0, 0]);
  });

  it("takes data named toJSON for data", () => {
    expect(toJsonText({ toJSON: "text" }, LIMITS)).toMatchObject({ text: '{"toJSON":"text"}' });
  });

  it("leaves out what cannot be listed", () => {
    const hidden = Object.defineProperty({ a: 1 }, Symbol("s"), { value: 1, enumerable: false });
    expect(toJsonText(hidden, LIMITS)).toMatchObject({ text: '{"a":1}' });
  });

  it("writes lone surrogates so that they come back", () => {
    const result = toJsonText("\ud800x\udc00", LIMITS);
    expect(result).toEqual({ ok: true, text: '"\\ud800x\\udc00"' });
  });

  it("takes plain data of another realm", () => {
    const foreign: unknown = runInNewContext("({ list: [1, { a: null }] })");
    expect(toJsonText(foreign, LIMITS)).toMatchObject({ text: '{"list":[1,{"a":null}]}' });
  });

  it("takes an object without a prototype", () => {
    expect(toJsonText(Object.assign(Object.create(null), { a: 1 }), LIMITS)).toMatchObject({
      text: '{"a":1}',
    });
  });

  it("refuses what contains itself, at the place where it does", () => {
    const loop: Record<string, unknown> = {};
    loop["a"] = [{ back: loop }];
    expect(refusalOf(loop)).toMatchObject({ path: "a.0.back", message: "contains itself" });
  });

  it("takes one object at two places, which is no loop", () => {
    const shared = { a: 1 };
    expect(toJsonText([shared, shared], LIMITS)).toMatchObject({ text: '[{"a":1},{"a":1}]' });
  });

  it("takes 200 levels and refuses 201", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(toJsonText(nested(200), LIMITS).ok).toBe(true);
    expect(refusalOf(nested(201)).message).toBe("is nested deeper than 200 levels");
    expect(refusalOf(nested(1_000)).reason).toBe("not_json_safe");
    expect(toJsonText([[1]], { maxBytes: 100, maxDepth: 1 }).ok).toBe(false);
  });

  it("outlives getters that throw, proxies that were revoked, and traps that lie", () => {
    const getter = Object.defineProperty({}, "secret", {
      enumerable: true,
      get(): never {
        throw new Error("s3cret");
      },
    });
    expect(refusalOf({ deep: getter })).toEqual({
      ok: false,
      reason: "not_json_safe",
      path: "deep.secret",
      message: "cannot be read",
    });
    const throwing = new Proxy(
      {},
      {
        get(): never {
          throw new Proxy(new Error("s3cret"), {
            getPrototypeOf: (): never => {
              throw new Error("s3cret");
            },
          });
        },
        ownKeys: () => ["a"],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
      },
    );
    expect(refusalOf(throwing)).toMatchObject({ path: "a", message: "cannot be read" });
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(refusalOf({ a: proxy })).toMatchObject({ path: "a", message: "cannot be read" });
    const endless: unknown = new Proxy({ a: 1 }, { get: () => endless });
    expect(refusalOf(endless).reason).toBe("not_json_safe");
    expect(
      refusalOf(
        new Proxy([], {
          get: (target, key) => (key === "length" ? 2 ** 40 : (Reflect.get(target, key) as unknown)),
        }),
      ),
    ).toBeDefined();
  });

  it("reads each property once, so that what was checked is what was written", () => {
    let reads = 0;
    const shifty = Object.defineProperty({}, "a", { enumerable: true, get: () => (reads++ === 0 ? 1 : 1n) });
    expect(toJsonText(shifty, LIMITS)).toMatchObject({ text: '{"a":1}' });
    expect(reads).toBe(1);
  });

  it("never puts the value into its message", () => {
    const secret = "s3cret";
    for (const value of [
      { a: [secret, 1n] },
      { a: new Map([[secret, secret]]) },
      { a: secret.repeat(100_000) },
    ]) {
      expect(refusalOf(value).message).not.toContain(secret);
    }
  });

  it("cuts a path that is longer than a message should be", () => {
    expect(refusalOf({ ["k".repeat(1000)]: 1n }).path).toHaveLength(256);
  });

  it("takes text of exactly as many bytes as it may, and not one more", () => {
    for (const value of ["abc", "äöü", "€".repeat(100), "😀".repeat(100), ["a", { b: 1.5 }]]) {
      const bytes = Buffer.byteLength(JSON.stringify(value));
      expect(toJsonText(value, { maxBytes: bytes })).toEqual({ ok: true, text: JSON.stringify(value) });
      expect(toJsonText(value, { maxBytes: bytes - 1 })).toEqual({
        ok: false,
        reason: "too_large",
        path: "",
        message: `is more than ${bytes - 1} bytes of JSON`,
      });
    }
  });

  it("stops at the limit, not at the end of the value", () => {
    let read = 0;
    const wide = new Proxy(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 0])), {
      get: () => {
        read += 1;
        return "xxxxxxxxxx";
      },
    });
    expect(toJsonText(wide, { maxBytes: 1000 })).toMatchObject({ reason: "too_large" });
    expect(read).toBeLessThan(100);
    const doubling = Array.from({ length: 60 }).reduce<unknown>((inner) => [inner, inner], 0);
    expect(toJsonText(doubling, { maxBytes: 1000 })).toMatchObject({ reason: "too_large" });
  });
});

describe("parseJsonText", () => {
  it.each([
    ['{"a":{"__proto__":{"polluted":1},"b":2}}', { a: { b: 2 } }],
    ['[{"\\u005f_proto__":{"polluted":1}}]', [{}]],
    ['{"constructor":{"prototype":{"polluted":1}}}', { constructor: { prototype: { polluted: 1 } } }],
    ['"__proto__"', "__proto__"],
  ])("leaves every prototype as it is: %s", (text, value) => {
    const parsed = parseJsonText(text);
    expect(JSON.stringify(parsed)).toBe(JSON.stringify(value));
    Object.assign({}, parsed);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(Object.assign({}, (parsed as { a?: object }).a))).toBe(Object.prototype);
  });

  it("reads what is nested deeper than a stack holds", () => {
    const deep = 100_000;
    const text = `{"__proto__":1,"a":${"[".repeat(deep)}${"]".repeat(deep)}}`;
    expect(Object.keys(parseJsonText(text) as object)).toEqual(["a"]);
  });

  it("says that a text is not JSON without repeating it", () => {
    expect(() => parseJsonText("{s3cret")).toThrow(new SyntaxError("The text is not JSON."));
  });
});

describe("canonicalJson", () => {
  it("is one text for equal values, whatever the order of their keys", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it("says what the value says, and is its own canonical form", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(parseJsonText(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(parseJsonText(text))).toBe(text);
      }),
    );
  });

  it("sorts keys by UTF-16 code units, as RFC 8785 does (its example of section 3.2.3)", () => {
    const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };
    expect(canonicalJson(value)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
    );
  });

  it("writes -0 as 0 and leaves out undefined", () => {
    expect(canonicalJson({ b: -0, a: undefined })).toBe('{"b":0}');
  });

  it("refuses what is no JSON, against its types", () => {
    expect(() => canonicalJson(1n as never)).toThrow(TypeError);
  });
});

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => reversed(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item as Json)]),
  );
}

function hasNegativeZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(hasNegativeZero);
  return Object.is(value, -0);
}
