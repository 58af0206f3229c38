// What a store answers in place of a number, through a client that changes it or after damage, is no number that is gone on with.
import { describe, expect, it } from "vitest";
import { numberOf, numberOrNull } from "../../src/adapters/postgres/rows/codec.js";
import { RowReader } from "../../src/adapters/postgres/rows/reader.js";
import { decodeCursors, encodeCursor } from "../../src/adapters/redis/documents/cursors.js";
import { decodeDocument, encodeDocument } from "../../src/adapters/redis/documents/document.js";
import { numberOf as numberOfReply } from "../../src/adapters/redis/documents/reply.js";
import { START } from "../../src/core/job/record.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";

const CORRUPT = expect.objectContaining({ code: "store.corrupt" }) as Error;
const STRANGE = expect.objectContaining({ code: "store.unavailable", outcome: "unknown" }) as Error;

describe("of Postgres", () => {
  it.each([undefined, null, "", "soon", Number.NaN, Number.POSITIVE_INFINITY, {}])(
    "%s is no number that must be there",
    (value) => {
      expect(() => numberOf({ now_ms: value }, "now_ms")).toThrow(STRANGE);
    },
  );

  it.each(["soon", Number.NaN, Number.POSITIVE_INFINITY, {}])("%s is none in a record", (value) => {
    const row = { id: "job-1", version: value };
    expect(() => new RowReader(row).number("version")).toThrow(CORRUPT);
    expect(() => new RowReader(row).numberOrNull("version")).toThrow(CORRUPT);
  });

  it("texts and bigints are: drivers give them so", () => {
    for (const value of [7, "7", 7n]) {
      expect([numberOf({ n: value }, "n"), numberOrNull({ n: value }, "n")]).toEqual([7, 7]);
      expect(new RowReader({ id: "job-1", version: value }).number("version")).toBe(7);
    }
  });
});

describe("of Redis", () => {
  it.each([null, "", "soon", "Infinity", []])("%s is no number of a reply", (value) => {
    expect(() => numberOfReply(value)).toThrow(
      expect.objectContaining({ code: "store.unavailable" }) as Error,
    );
  });

  it("a cursor without one is damaged", () => {
    const cursor = encodeCursor({ ...START, upTo: 3, attempts: 2, retryAt: 9, exhausted: [1, 2] });
    expect(decodeCursors("job-1", ["ui", cursor])).toMatchObject({ ui: { upTo: 3, exhausted: [1, 2] } });
    for (const [given, damaged] of [
      ["3 2", "x 2"],
      ["3 2", "3"],
      ["9", "soon"],
      ["1,2", "1,,2"],
      ["1,2", "1,Infinity"],
    ] as const) {
      expect(() => decodeCursors("job-1", ["ui", cursor.replace(given, damaged)]), damaged).toThrow(CORRUPT);
    }
  });

  it("a document without one, or with one that no count reaches, is damaged", () => {
    const text = encodeDocument(sampleJob({ id: "job-1", version: 7, attempt: 5 }, 1_800_000_000_000), null);
    expect(decodeDocument("job-1", text).record).toMatchObject({ version: 7, attempt: 5 });
    const counts = "\n1 7 1 5 0\n";
    expect(text).toContain(counts);
    for (const damaged of ["\n1  1 5 0\n", "\n1 99999999999999999999 1 5 0\n", "\n1 x 1 5 0\n"]) {
      expect(() => decodeDocument("job-1", text.replace(counts, damaged)), damaged).toThrow(CORRUPT);
    }
  });
});
