import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CallbackOptions, createCallbacks } from "../../src/core/callback/callbacks.js";

const SECRET = "a".repeat(32);
const NEWER = "b".repeat(32);
const NOW = 1_700_000_000_000;
const LAUNCH = { id: "job-1_A", kind: "dr.recover.all", fence: 3, expiresAt: NOW + 1 };

const callbacksWith = (...secrets: readonly [string, ...string[]]) => createCallbacks({ secrets })!;

describe("a callback's token", () => {
  const callbacks = callbacksWith(SECRET);
  const token = callbacks.sign(LAUNCH);

  it("says what it was signed for, until it expires", () => {
    expect(callbacks.read(token, NOW)).toEqual(LAUNCH);
    expect(callbacks.read(token, NOW + 1)).toBeNull();
  });

  it("fits into an address as it is, and is signed as anybody's HMAC-SHA256 would sign it", () => {
    expect(encodeURIComponent(token)).toBe(token);
    const claims = token.slice(0, token.lastIndexOf("."));
    const signature = createHmac("sha256", SECRET).update(`waybill.callback:${claims}`).digest("base64url");
    expect(token).toBe(`${claims}.${signature}`);
  });

  it("is nothing any more once a single character of it is another, or is missing", () => {
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === "x" ? "y" : "x";
      expect(callbacks.read(token.slice(0, index) + other + token.slice(index + 1), NOW)).toBeNull();
      expect(callbacks.read(token.slice(0, index) + token.slice(index + 1), NOW)).toBeNull();
    }
  });

  it.each([[undefined], [null], [""], [7], ["v1"], ["v1.".repeat(9)], [{}], [`${token} `], [[token]]])(
    "is none: %j",
    (given) => {
      expect(callbacks.read(given, NOW)).toBeNull();
    },
  );

  it("is not taken where another secret is", () => {
    expect(callbacksWith(NEWER).read(token, NOW)).toBeNull();
  });

  it("is taken while its secret is listed, wherever; the first secret signs", () => {
    const rotating = callbacksWith(NEWER, SECRET);
    expect(rotating.read(token, NOW)).toEqual(LAUNCH);
    expect(callbacksWith(NEWER).read(rotating.sign(LAUNCH), NOW)).toEqual(LAUNCH);
    expect(callbacks.read(rotating.sign(LAUNCH), NOW)).toBeNull();
  });
});

describe("the options of callbacks", () => {
  it.each([
    [{}, "callbacks.secrets must be a list of at least one secret."],
    [{ secrets: [] }, "callbacks.secrets must be a list of at least one secret."],
    [{ secrets: SECRET }, "callbacks.secrets must be a list of at least one secret."],
    [{ secrets: [SECRET, "x".repeat(31)] }, "callbacks.secrets[1] must be a text of at least 32 bytes"],
    [{ secrets: [undefined] }, "callbacks.secrets[0] must be a text of at least 32 bytes"],
    [{ secrets: [SECRET], ttlMs: 0 }, "callbacks.ttlMs must be a whole number of milliseconds above 0."],
    [{ secrets: [SECRET], ttlMs: 1.5 }, "callbacks.ttlMs must be a whole number of milliseconds above 0."],
    [{ secret: [SECRET] }, "Did you mean secrets?"],
  ])("%j are refused", (given, sentence) => {
    const create = () => createCallbacks(given as unknown as CallbackOptions);
    expect(create).toThrow(expect.objectContaining({ code: "config.invalid" }));
    expect(create).toThrow(sentence);
  });

  it("say nothing of a secret that is too short", () => {
    expect(() => createCallbacks({ secrets: ["hunter2-hunter2"] })).not.toThrow("hunter2");
  });

  it("count bytes, not characters", () => {
    expect(createCallbacks({ secrets: ["é".repeat(16)] })).not.toBeNull();
  });

  it("may be left out", () => {
    expect(createCallbacks(undefined)).toBeNull();
  });
});
