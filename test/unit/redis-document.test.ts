import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDocument, encodeDocument, holdsInput } from "../../src/adapters/redis/documents/document.js";
import { placesOf, shardOfEnd } from "../../src/adapters/redis/names.js";
import {
  decodeOptional,
  decodeText,
  encodeOptional,
  encodeText,
} from "../../src/adapters/redis/documents/text.js";
import type { Json } from "../../src/core/json/json.js";
import { STATUSES } from "../../src/core/job/lifecycle.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { systemIds } from "../../src/core/environment/ids.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("\n", "\t", " ", '"', "\\", "\u0001", "-", "=", "\0") }),
);
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);
const count = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const instant = fc.integer({ min: 0, max: 253_402_300_799_999 });
const none = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(some, { nil: null });

const record: fc.Arbitrary<JobRecord> = fc
  .record({
    kind: text,
    owner: none(text),
    subject: none(text),
    metadata: json,
    queue: none(text),
    notifiers: fc.array(text, { maxLength: 3 }),
    scope: none(text),
    createdAt: instant,
    deadlineAt: none(instant),
    status: fc.constantFrom(...STATUSES),
    version: count,
    send: count,
    token: none(text),
    worker: none(text),
    leaseUntil: none(instant),
    phase: none(text),
    progress: json,
    percent: none(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
    ),
    readyAt: none(instant),
    cancel: none(fc.record({ at: instant, actor: none(text), reason: none(text) })),
    history: fc.string(),
    wakeAt: none(instant),
    purgeAt: none(instant),
  })
  .map((given) => sampleJob({ id: "job-1", ...given }, 1_750_000_000_123));

describe("a document", () => {
  it("comes back as the record that it was", () => {
    fc.assert(
      fc.property(record, (given) => {
        expect(decodeDocument("job-1", encodeDocument(given, null))).toEqual({ record: given, input: null });
      }),
    );
  });

  it("holds a short input beside the record, and none that would break its lines", () => {
    fc.assert(
      fc.property(record, text, (given, input) => {
        fc.pre(holdsInput(input));
        expect(decodeDocument("job-1", encodeDocument(given, input))).toEqual({ record: given, input });
      }),
    );
    const texts = ["", "x".repeat(128), "x".repeat(129), "a\tb", "a\nb"];
    expect(texts.map(holdsInput)).toEqual([true, true, false, false, false]);
  });

  it("gives each job metadata of its own", () => {
    const given = encodeDocument(sampleJob({ id: "job-1", metadata: { tags: [] } }, 0), null);
    const [one, other] = [decodeDocument("job-1", given), decodeDocument("job-1", given)];
    expect(one).toEqual(other);
    expect(one.record.metadata).not.toBe(other.record.metadata);
  });

  it("is refused where anything of it is missing, and names only the job", () => {
    const whole = encodeDocument(
      sampleJob({ id: "job-1", owner: "s3cr3t", history: "" }, 1_750_000_000_123),
      null,
    );
    for (const cut of [
      "",
      "x",
      whole.slice(0, -1),
      whole.slice(1),
      whole.replace("\n", " "),
      whole.replace(/^0P/, "0X"),
      whole.replace(/^(....)k/, "$1d"),
    ]) {
      expect(() => decodeDocument("job-1", cut)).toThrow(/job-1/);
      expect(() => decodeDocument("job-1", cut)).not.toThrow(/s3cr3t/);
    }
  });

  it.each([1.5, Number.NaN, -1, 1e15, Infinity])("takes no instant of %d", (wakeAt) => {
    expect(() => encodeDocument(sampleJob({ id: "job-1", wakeAt }, 0), null)).toThrow(/store\.unstorable/);
  });
});

describe("a text in a key", () => {
  it("comes back, holds no separator, and is another one for every other text", () => {
    fc.assert(
      fc.property(none(text), none(text), (one, other) => {
        const stored = encodeOptional(one);
        expect(decodeOptional(stored)).toBe(one);
        for (const separator of "\n\t\u0001") expect(stored).not.toContain(separator);
        expect(stored === encodeOptional(other)).toBe(one === other);
        if (one !== null) expect(decodeText(encodeText(one))).toBe(one);
      }),
    );
  });
});

describe("a shard", () => {
  it("is the same for ever: what is stored would not be found", () => {
    expect(["00", "0f", "a1", "ff", "Zz", "-_", "x", ""].map((end) => shardOfEnd(end, 64)))
      .toMatchInlineSnapshot(`
      [
        31,
        27,
        51,
        0,
        35,
        39,
        44,
        13,
      ]
    `);
  });

  it("gets its part of generated ids", () => {
    const shards = 16;
    const { shardOf } = placesOf("p", shards);
    const jobs = 16_000;
    const counts = Array.from({ length: shards }, () => 0);
    for (let job = 0; job < jobs; job += 1) counts[shardOf(systemIds.job(1_750_000_000_000 + job))]! += 1;
    for (const shard of counts) expect(shard).toBeGreaterThan(jobs / shards / 3);
    const used = new Set(
      Array.from({ length: 256 }, (_, end) => shardOfEnd(end.toString(16).padStart(2, "0"), 64)),
    );
    expect(used.size).toBeGreaterThan(58);
  });
});
