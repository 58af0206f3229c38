import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMessage, parseMessage, type PointerMessage } from "../../src/core/job/message.js";

const pointer: PointerMessage = { id: "job-1", kind: "mail.send", dispatch: 3, purpose: "run", trace: null };
const body = (over: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ v: 1, id: "job-1", kind: "mail.send", dispatch: 3, purpose: "run", ...over });

const TRACE = {
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: 'vendor="value"',
};

describe("message", () => {
  it.each([pointer, { ...pointer, purpose: "wake" as const, trace: TRACE }])(
    "comes back as it went: %j",
    (message) => {
      expect(parseMessage(encodeMessage(message))).toEqual({ status: "ok", message });
    },
  );

  it("is small even at its largest", () => {
    const largest = {
      ...pointer,
      id: "x".repeat(128),
      kind: "k".repeat(128),
      dispatch: Number.MAX_SAFE_INTEGER,
    };
    expect(encodeMessage(largest).length).toBeLessThan(512);
    expect(parseMessage(encodeMessage(largest)).status).toBe("ok");
  });

  it("of a newer format is left to those who know it", () => {
    expect(parseMessage(body({ v: 2, id: null }))).toEqual({ status: "newer" });
  });

  it("ignores fields that it does not know, and a trace that is none", () => {
    expect(parseMessage(body({ trace: "00-trace" }))).toEqual({ status: "ok", message: pointer });
    expect(parseMessage(body({ extra: 1, trace: 7 }))).toEqual({ status: "ok", message: pointer });
  });

  it.each<[string, string]>([
    ["", "the body is not JSON"],
    ["not json", "the body is not JSON"],
    ["null", "the body is not an object"],
    ["7", "the body is not an object"],
    ["[]", "there is no format version"],
    ["{}", "there is no format version"],
    [body({ v: "1" }), "there is no format version"],
    [body({ v: 0 }), "there is no format version"],
    [body({ id: "a b" }), "there is no usable job id"],
    [body({ id: 7 }), "there is no usable job id"],
    [body({ kind: 7 }), "there is no kind"],
    [body({ dispatch: "1" }), "there is no dispatch"],
    [body({ dispatch: 0 }), "there is no dispatch"],
    [body({ dispatch: 1.5 }), "there is no dispatch"],
    [body({ purpose: "stop" }), "the purpose is unknown"],
    [`"${"x".repeat(5_000)}"`, "the body is too long for a pointer"],
  ])("that was not made here is told apart: %s", (text, reason) => {
    expect(parseMessage(text)).toEqual({ status: "unparsable", reason });
  });

  it("never throws, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          expect(["ok", "newer", "unparsable"]).toContain(parseMessage(text).status);
        },
      ),
    );
  });
});
