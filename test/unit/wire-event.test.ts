import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventToJson } from "../../src/core/wire/event.js";
import { wireBytes } from "../../src/core/wire/size.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";

const event = sampleEvent("job-a", 7, {
  metadata: { secretNote: "CANARY-metadata", tags: ["a", "b"] },
  actor: "CANARY-actor",
  trace: { traceparent: "CANARY-trace" },
});

/** Of any characters, half ones too. */
const texts = fc
  .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 100 })
  .map((points) => String.fromCodePoint(...points));

describe("an event on the wire", () => {
  it("has the public fields, with its instant as text", () => {
    expect(eventToJson(event)).toEqual({
      id: "job-a:7",
      type: "job.started",
      jobId: "job-a",
      kind: "mail.send",
      version: 7,
      from: "QUEUED",
      status: "PROCESSING",
      word: "IN_PROGRESS",
      message: 'Zürich 東京 🚂 "quoted" <b>&amp;</b>\nsecond line',
      at: "2025-01-01T00:00:00.007Z",
      attempt: 1,
      owner: "tenant-7",
      subject: "plan:42",
      phase: null,
      reason: null,
      failureReason: null,
    });
  });

  it("leaves metadata, actor and trace inside, and whatever else a server's event may hold one day", () => {
    const text = JSON.stringify(eventToJson({ ...event, later: "CANARY-later" } as typeof event));
    expect(text).not.toContain("CANARY");
  });

  it("lets out what the kind's project makes of metadata and actor, and nothing more", () => {
    const json = eventToJson(event, {
      metadata: (metadata) => ({ tags: (metadata as { tags: string[] }).tags }),
      actor: (actor) => actor.replace("CANARY-", ""),
    });
    expect(json).toMatchObject({ metadata: { tags: ["a", "b"] }, actor: "actor" });
    expect(JSON.stringify(json)).not.toContain("CANARY");
    expect(eventToJson({ ...event, actor: null }, { actor: () => "somebody" }).actor).toBeNull();
    expect(Object.keys(eventToJson(event, {}))).not.toContain("metadata");
  });

  it("has one text at every repetition, whatever the order of the fields that came in", () => {
    const shuffled = Object.fromEntries(Object.entries(event).reverse()) as unknown as typeof event;
    expect(JSON.stringify(eventToJson(shuffled))).toBe(JSON.stringify(eventToJson(event)));
  });
});

describe("sizes on the wire", () => {
  it("are bytes, as another encoder counts them", () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(wireBytes(text)).toBe(Buffer.byteLength(text));
      }),
    );
    expect(wireBytes("aé東🚂\u2028")).toBe(1 + 2 + 3 + 4 + 3);
  });
});
