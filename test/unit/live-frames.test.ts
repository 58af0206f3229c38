import { describe, expect, it } from "vitest";
import { decodeClientFrame } from "../../src/core/wire/live.js";
import { nextPart, unwritten } from "../../src/core/wire/live-changes.js";

const decoded = (frame: unknown) => decodeClientFrame(JSON.stringify(frame));

describe("a client's frame", () => {
  it.each([
    [{ type: "init", token: "t" }],
    [{ type: "renew", token: "t" }],
    [{ type: "ping" }],
    [{ type: "unsubscribe", id: "s" }],
    [{ type: "subscribe", id: "s", filter: { jobId: "a", kind: "k" }, known: { a: 1 } }],
    [{ type: "subscribe", id: "s", filter: { owner: "self", subject: "doc", limit: 1 }, known: {} }],
  ])("is taken as it is: %o", (frame) => {
    expect(decoded(frame)).toEqual(frame);
  });

  it("may have fields that nobody knows, and need not say what it knows, or how many", () => {
    expect(decoded({ type: "subscribe", id: "s", filter: { owner: "any" }, later: true })).toEqual({
      type: "subscribe",
      id: "s",
      filter: { owner: "any", limit: 100 },
      known: {},
    });
  });

  it.each([
    [undefined],
    [{}],
    [{ jobId: 7 }],
    [{ jobId: "" }],
    [{ jobId: "a", subject: "doc" }],
    [{ jobId: "a", limit: 1 }],
    [{ owner: "bea" }],
    [{ owner: "self", status: "FAILED" }],
    [{ owner: "self", kind: "" }],
    [{ owner: "self", subject: "a\0b" }],
    [{ owner: "self", subject: "x".repeat(257) }],
    [{ owner: "self", limit: 0 }],
    [{ owner: "self", limit: 201 }],
    [{ owner: "self", limit: 1.5 }],
    [["self"]],
  ])("with the filter %o is refused without ending the connection", (filter) => {
    expect(decoded({ type: "subscribe", id: "s", filter })).toMatchObject({
      type: "subscribe",
      filter: null,
    });
  });

  it.each([
    [[]],
    [{ "not an id": 1 }],
    [{ a: -1 }],
    [{ a: "1" }],
    [Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`job-${index}`, 1]))],
  ])("that knows %o is refused too", (known) => {
    const frame = { type: "subscribe", id: "s", filter: { owner: "self" }, known };
    expect(decoded(frame)).toMatchObject({ type: "subscribe", filter: null });
  });

  it.each([
    [""],
    ["null"],
    ["[]"],
    ['"ping"'],
    ['{"type":"toString"}'],
    ['{"type":"init"}'],
    ['{"type":"init","token":""}'],
    ['{"type":"unsubscribe"}'],
    ['{"type":"subscribe","id":"a b"}'],
    [`{"type":"ping","x":"${"x".repeat(16_384)}"}`],
  ])("is none: %s", (text) => {
    expect(decodeClientFrame(text)).toBeNull();
  });

  it("never throws, whatever comes", () => {
    const whole = JSON.stringify({ type: "subscribe", id: "s", filter: { owner: "self" }, known: { a: 1 } });
    for (let cut = 0; cut < whole.length; cut += 1) {
      for (const garbage of ["", "{", '"', "\0", "\ud800", "[", "1e999"]) {
        expect(() => decodeClientFrame(whole.slice(0, cut) + garbage + whole.slice(cut + 1))).not.toThrow();
      }
    }
  });
});

describe("changes", () => {
  it("are written in parts that together are the whole, each view once for all who are sent it", () => {
    let written = 0;
    const jobs = Array.from({ length: 40 }, (_, index) => ({
      id: `job-${index}`,
      text: "x".repeat(5_000),
      toJSON: () => {
        written += 1;
        return { id: `job-${index}`, text: "x".repeat(5_000) };
      },
    }));
    const gone = Array.from({ length: 200 }, (_, index) => `gone-${index}`);
    for (let socket = 0; socket < 3; socket += 1) {
      const parts: { jobs: { id: string }[]; gone: string[]; more?: boolean }[] = [];
      for (let rest = unwritten({ jobs, gone, snapshot: true, reset: false }); ;) {
        const part = nextPart(rest);
        expect(part.members.length).toBeLessThan(70_000);
        parts.push(JSON.parse(`{${part.members}}`) as (typeof parts)[number]);
        if (part.rest === null) break;
        rest = part.rest;
      }
      expect(parts.map(({ more }) => more)).toEqual([...parts.slice(1).map(() => true), undefined]);
      expect(parts.flatMap((part) => part.jobs.map(({ id }) => id))).toEqual(jobs.map(({ id }) => id));
      expect(parts.flatMap((part) => part.gone)).toEqual(gone);
    }
    expect(written).toBe(40);
  });

  it("with one view that is larger than a frame have it in a frame of its own", () => {
    const changes = {
      jobs: [{ text: "x".repeat(100_000) }, { text: "y" }],
      gone: [],
      snapshot: false,
      reset: true,
    };
    const first = nextPart(unwritten(changes));
    expect(JSON.parse(`{${first.members}}`)).toMatchObject({ jobs: [{}], more: true, reset: true });
    expect(nextPart(first.rest!).rest).toBeNull();
  });
});
