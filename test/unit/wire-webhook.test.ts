import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Json } from "../../src/core/json/json.js";
import { fromBase64, toBase64 } from "../../src/core/wire/base64.js";
import { cloudEvent, sourceProblem } from "../../src/core/wire/cloud-event.js";
import { eventToJson } from "../../src/core/wire/event.js";
import { webhookKey } from "../../src/core/wire/standard-webhooks.js";
import { readWebhookBody, webhookBody, type WebhookFormat } from "../../src/core/wire/webhook-body.js";
import { webhookHeaders } from "../../src/core/wire/webhook-signature.js";
import { sampleEvent, sampleView } from "../../src/testing/notifier-suite/sample-event.js";

const SOURCE = "https://app.example/jobs";
const AT_MS = Date.UTC(2025, 0, 1, 0, 0, 9, 999);
const keys = [0, 100].map((first) => Uint8Array.from({ length: 24 }, (_, index) => first + index));

const event = sampleEvent("job-a", 7, { message: "Zürich 東京 🚂\u2028second", metadata: { a: "CANARY" } });
const data = eventToJson(event);

/** Of any characters, half ones too. */
const texts = fc
  .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 100 })
  .map((points) => String.fromCodePoint(...points));

/** A webhook as it is on the wire, headers first. */
function wireText(format: WebhookFormat, of: Json | typeof data): string {
  const { contentType, text } = webhookBody(event, of, format);
  const headers = webhookHeaders({ id: event.id, atMs: AT_MS, body: new TextEncoder().encode(text), keys });
  const lines = Object.entries({ "content-type": contentType, ...headers });
  return `${lines.map(([name, value]) => `${name}: ${value}\n`).join("")}\n${text}`;
}

describe("a webhook on the wire is, byte for byte,", () => {
  const cloudEvents = { cloudEvents: { source: SOURCE } };
  it.each([
    ["thin", "standard", data],
    ["view", "standard", { ...data, job: sampleView("job-a") }],
    ["view-of-a-job-that-is-gone", "standard", { ...data, job: null }],
    ["own-body", "standard", ["of the application's own", 1, null]],
    ["cloud-event", cloudEvents, data],
  ] as const)("golden/webhook/%s.http", (name, format, of) => {
    const golden = readFileSync(new URL(`../golden/webhook/${name}.http`, import.meta.url), "utf8");
    expect(wireText(format, of as Json)).toBe(golden);
  });
});

describe("signatures", () => {
  it("are those of the standard's own example", () => {
    const key = webhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")!;
    const signed = webhookHeaders({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      atMs: 1_614_265_330_000,
      body: new TextEncoder().encode('{"test": 2432232314}'),
      keys: [key],
    });
    expect(signed).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("are what two other implementations make, of any text and key", () => {
    fc.assert(
      fc.property(
        texts,
        fc.uint8Array({ minLength: 24, maxLength: 64 }),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        (text, key, seconds) => {
          const signed = webhookHeaders({
            id: "job:1",
            atMs: seconds * 1000 + 999,
            body: new TextEncoder().encode(text),
            keys: [key],
          })["webhook-signature"];
          const content = `job:1.${seconds}.${text}`;
          expect(signed).toBe(`v1,${createHmac("sha256", key).update(content).digest("base64")}`);
          const theirs = new Webhook(`whsec_${Buffer.from(key).toString("base64")}`);
          expect(signed).toBe(theirs.sign("job:1", new Date(seconds * 1000), text));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("are one for each key", () => {
    const signed = webhookHeaders({ id: "j:1", atMs: 0, body: new Uint8Array(), keys })["webhook-signature"];
    expect(signed?.split(" ").map((each) => each.slice(0, 3))).toEqual(["v1,", "v1,"]);
    expect(new Set(signed?.split(" ")).size).toBe(2);
  });
});

describe("secrets", () => {
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;

  it("are whsec_ and 24 to 64 bytes", () => {
    expect([24, 25, 63, 64].map((bytes) => webhookKey(of(bytes))?.length)).toEqual([24, 25, 63, 64]);
    expect([0, 23, 65].map((bytes) => webhookKey(of(bytes)))).toEqual([null, null, null]);
  });

  it.each([
    ["without the prefix", of(24).slice(6)],
    ["of a private key", of(24).replace("whsec", "whsk")],
    ["unpadded", of(25).replaceAll("=", "")],
    ["in the alphabet of URLs", `whsec_${"-_".repeat(16)}`],
    ["with a space", `${of(24)} `],
    ["that is no text", 7],
    ["undefined", undefined],
  ])("refuses one %s", (_name, secret) => {
    expect(webhookKey(secret)).toBeNull();
  });
});

describe("base64", () => {
  it("is Node's, both ways", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(toBase64(bytes)).toBe(text);
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  it("has one text for one value", () => {
    expect(["AA=", "AA", "AB==", "A===", "AA==\n", "AA=A", "____"].map(fromBase64)).toEqual(
      Array.from({ length: 7 }, () => null),
    );
  });
});

describe("a CloudEvent", () => {
  it("keeps the rules for names and integers of attributes", () => {
    const { data: _data, ...attributes } = cloudEvent(event, SOURCE, null);
    expect(Object.keys(attributes).filter((name) => !/^[a-z0-9]{1,20}$/.test(name))).toEqual([]);
    expect(cloudEvent(sampleEvent("j", 2 ** 31 - 1), SOURCE, 1).jobversion).toBe(2 ** 31 - 1);
    expect(cloudEvent(sampleEvent("j", 2 ** 31), SOURCE, 1)).not.toHaveProperty("jobversion");
  });

  it("has a source that is a URI", () => {
    expect(["https://app.example/jobs", "urn:app:jobs", "/jobs"].map(sourceProblem)).toEqual([
      null,
      null,
      null,
    ]);
    for (const bad of ["", "a b", "jobs/é", "<x>", 7, undefined, "x".repeat(513)]) {
      expect(sourceProblem(bad)).toContain("must be a URI");
    }
  });
});

describe("a body that is read again", () => {
  const events: fc.Arbitrary<ServerEvent> = fc
    .record({
      jobId: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
      version: fc.integer({ min: 1, max: 2 ** 40 }),
      message: texts,
      at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
      owner: fc.option(texts),
    })
    .map(({ jobId, version, ...over }) => sampleEvent(jobId, version, over));

  it.each(["standard", { cloudEvents: { source: SOURCE } }] as const)("is what was written: %j", (format) => {
    fc.assert(
      fc.property(events, fc.jsonValue(), (each, job) => {
        const written = { ...eventToJson(each), job: job as Json };
        const { text } = webhookBody(each, written, format);
        // Half characters and the like are escaped: the text is the same as UTF-8.
        const sent = new TextDecoder().decode(new TextEncoder().encode(text));
        expect(readWebhookBody(sent)).toEqual({
          type: each.type,
          timestamp: each.at,
          data: JSON.parse(JSON.stringify(written)) as Json,
        });
      }),
    );
  });

  it("is nothing where it was written by somebody else", () => {
    for (const text of ["", "nul", "null", "7", "[]", "{}", '{"type":"a","timestamp":"x","data":1}']) {
      expect(readWebhookBody(text)).toBeNull();
    }
    expect(readWebhookBody('{"type":1,"timestamp":"2025-01-01T00:00:00Z","data":1}')).toBeNull();
    expect(readWebhookBody('{"type":"a","timestamp":"2025-01-01T00:00:00Z"}')).toBeNull();
    // A CloudEvent has another name for it.
    expect(
      readWebhookBody('{"specversion":"1.0","type":"a","timestamp":"2025-01-01T00:00:00Z","data":1}'),
    ).toBeNull();
  });

  it("passes over what it does not know", () => {
    const text = '{"type":"a","timestamp":"2025-01-01T00:00:00Z","data":1,"later":2}';
    expect(readWebhookBody(text)).toEqual({ type: "a", timestamp: new Date(Date.UTC(2025, 0, 1)), data: 1 });
  });
});
