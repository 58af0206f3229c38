import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extendedUpdateOf, fitUpdate, mutationBody, updateOf } from "../../src/core/wire/appsync/appsync.js";
import {
  eventBodyOf,
  fitEventBody,
  publishAnswerOf,
  publishBody,
} from "../../src/core/wire/appsync/appsync-events.js";
import { clipToBytes, jsonBytes } from "../../src/core/wire/appsync/appsync-size.js";
import { parseOperation } from "../doubles/appsync/graphql-parser.js";
import { argumentsOf } from "../doubles/appsync/graphql-schema.js";
import { CANARY, eventOf, viewOf } from "../doubles/appsync/sample-event.js";

const SOURCE = { id: "i-01", action: "start", userEmail: "ana@example.com" };
const SIX = ["id", "action", "status", "timestamp", "message", "userEmail"];

/** What takes one byte to six, with and without an escape. */
const CHARACTER = fc.constantFrom("a", " ", '"', "\\", "\n", "\u0000", "$", "}", "é", "東", "🚂", "\u2028");

describe("the body of a mutation", () => {
  it("is, byte for byte, the one that is written down: basic", async () => {
    const update = updateOf(eventOf("job-a", 3, { message: 'Zürich 東京 🚂 "quoted"\u2028' }), SOURCE);
    await expect(mutationBody("publishJobUpdate", [update])).toMatchFileSnapshot(
      "../golden/appsync/mutation-basic.txt",
    );
  });

  it("is, byte for byte, the one that is written down: extended, two at once", async () => {
    const view = viewOf("job-a", { phase: "launching", percent: 0.25, progress: { ready: 1, total: 4 } });
    const updates = [
      extendedUpdateOf(eventOf("job-a", 3), SOURCE, view),
      extendedUpdateOf(
        eventOf("job-b", 9, { word: "FAILED", subject: null }),
        { ...SOURCE, userEmail: null },
        null,
      ),
    ];
    const body = mutationBody("tellJob", updates);
    await expect(body).toMatchFileSnapshot("../golden/appsync/mutation-extended.txt");
  });

  it("has no progress where the job has none, and never the text of it", () => {
    for (const view of [viewOf("job-a", { progress: null }), viewOf("job-a", {}), null])
      expect(extendedUpdateOf(eventOf("job-a", 3), SOURCE, view).progress).toBeNull();
  });

  it("says what was sent to whoever reads it as GraphQL, whatever the text", () => {
    const text = fc.string({ unit: CHARACTER, maxLength: 40 });
    const update = fc.record({
      id: text,
      action: text,
      status: text,
      timestamp: fc.integer({ min: 0, max: 2 ** 32 }),
      message: text,
      userEmail: fc.option(text),
    });
    fc.assert(
      fc.property(fc.array(update, { minLength: 1, maxLength: 10 }), (updates) => {
        const body = mutationBody("publishJobUpdate", updates);
        const { query, variables } = JSON.parse(body) as {
          query: string;
          variables: Record<string, unknown>;
        };
        const { type, fields } = parseOperation(query);
        expect(type).toBe("mutation");
        expect(fields.map((field) => argumentsOf(field, variables))).toEqual(updates);
        expect(new Set(fields.map(({ selected }) => selected.join()))).toEqual(new Set([SIX.join()]));
      }),
    );
  });
});

describe("an update", () => {
  it("has the six fields, of their types, and nothing of what stays in the server", () => {
    const update = updateOf(eventOf("job-a", 3), SOURCE);
    expect(Object.keys(update)).toEqual(SIX);
    expect(JSON.stringify(update)).not.toContain(CANARY);
    expect(update.timestamp).toBe(1767323045);
  });

  it("is within the size: progress goes first, then the end of the message", () => {
    const view = viewOf("job-a", { progress: { text: "x".repeat(3_000) } });
    const update = extendedUpdateOf(eventOf("job-a", 3, { message: "é".repeat(500) }), SOURCE, view);
    expect(fitUpdate(update, 10_000)).toBe(update);
    expect(fitUpdate(update, 2_000)).toMatchObject({
      progress: null,
      truncated: true,
      message: update.message,
    });
    const clipped = fitUpdate(update, 600);
    expect(clipped).toMatchObject({ progress: null, truncated: true });
    expect(clipped?.message).toMatch(/^é{50,}…$/);
    expect(jsonBytes(clipped)).toBeLessThanOrEqual(600);
    expect(fitUpdate(update, 100)).toBeNull();
  });

  it("in its basic form keeps its six fields when its message is cut", () => {
    const fitted = fitUpdate(updateOf(eventOf("job-a", 3, { message: "x".repeat(900) }), SOURCE), 300);
    expect(Object.keys(fitted ?? {})).toEqual(SIX);
    expect(jsonBytes(fitted)).toBe(300);
  });
});

describe("an event of the Events API", () => {
  it("is, byte for byte, the one that is written down", async () => {
    const thin = JSON.stringify(eventBodyOf(eventOf("job-a", 3, { message: "東京 \u2028" })));
    const whole = JSON.stringify(
      eventBodyOf(eventOf("job-a", 3), viewOf("job-a", { progress: { ready: 1 } })),
    );
    await expect(publishBody("/jobs/job/job-a", [thin, whole])).toMatchFileSnapshot(
      "../golden/appsync/publish.txt",
    );
  });

  it("has nothing of what stays in the server", () => {
    expect(JSON.stringify(eventBodyOf(eventOf("job-a", 3), viewOf("job-a")))).not.toContain(CANARY);
  });

  it("is within the size: output and progress go first, then the job, then the end of the message", () => {
    const view = viewOf("job-a", {
      output: "x".repeat(3_000),
      progress: "y".repeat(3_000),
      message: "z".repeat(900),
    });
    const body = eventBodyOf(eventOf("job-a", 3, { message: "é".repeat(500) }), view);
    expect(fitEventBody(body, 10_000)).toBe(body);
    const lean = fitEventBody(body, 5_000);
    expect(lean).toMatchObject({ truncated: true, job: { id: "job-a" } });
    expect(lean?.job).not.toHaveProperty("output");
    expect(lean?.job).not.toHaveProperty("progress");
    const bare = fitEventBody(body, 1_600);
    expect(bare).toMatchObject({ truncated: true, message: body.message });
    expect(bare).not.toHaveProperty("job");
    const clipped = fitEventBody(body, 700);
    expect(clipped?.message).toMatch(/^é{50,}…$/);
    expect(jsonBytes(clipped)).toBeLessThanOrEqual(700);
    expect(fitEventBody(body, 200)).toBeNull();
  });

  it("is answered by its place in the request", () => {
    const answer = { successful: [{ identifier: "a", index: 2 }], failed: [{ identifier: "b", index: 0 }] };
    expect(publishAnswerOf(answer, 3)).toEqual(["failed", "left_out", "accepted"]);
    for (const odd of [null, 7, "text", [], {}, { successful: 1, failed: [] }])
      expect(publishAnswerOf(odd, 3)).toBeNull();
    expect(publishAnswerOf({ successful: [null, 3, "x"], failed: [] }, 1)).toEqual(["left_out"]);
  });
});

describe("a clipped text", () => {
  it("has room, keeps whole characters, and is the longest that fits", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: CHARACTER, maxLength: 60 }),
        fc.integer({ min: -3, max: 80 }),
        (text, most) => {
          const clipped = clipToBytes(text, most);
          if (clipped === null) {
            // Not even the mark has room, which takes three bytes.
            expect(most).toBeLessThan(3);
            return;
          }
          expect(jsonBytes(clipped) - 2).toBeLessThanOrEqual(Math.max(most, 0));
          if (clipped === text) return;
          expect(text.startsWith(clipped.slice(0, -1))).toBe(true);
          expect(() => encodeURIComponent(clipped)).not.toThrow();
          const longer = Array.from(text).slice(0, Array.from(clipped).length).join("");
          expect(jsonBytes(`${longer}…`) - 2).toBeGreaterThan(most);
        },
      ),
      { numRuns: 500 },
    );
  });
});
