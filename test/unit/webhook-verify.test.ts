import { createHmac } from "node:crypto";
import { runInNewContext } from "node:vm";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { eventToJson } from "../../src/core/wire/event.js";
import { webhookKey } from "../../src/core/wire/standard-webhooks.js";
import { webhookBody } from "../../src/core/wire/webhook-body.js";
import { webhookHeaders } from "../../src/core/wire/webhook-signature.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { verifyWebhook, WebhookVerificationError, type RawWebhook } from "../../src/webhook/verify.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const OTHER_SECRET = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7";
const secrets = [SECRET] as const;

const event = sampleEvent("job-a", 7, { message: "Zürich 東京 🚂\u2028\u2029 \ud800 half" });
const { text } = webhookBody(event, eventToJson(event), "standard");
const expected = {
  id: "job-a:7",
  type: "job.started",
  timestamp: event.at,
  data: JSON.parse(JSON.stringify(eventToJson(event))) as unknown,
};

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A webhook of ours. */
function signed({ body = text, atMs = NOW, by = [SECRET] } = {}) {
  const headers = webhookHeaders({
    id: event.id,
    atMs,
    body: new TextEncoder().encode(body),
    keys: by.map((secret) => webhookKey(secret)!),
  });
  return { body, headers: { ...headers } };
}

/** The code that a webhook is refused with. */
async function refusal(webhook: RawWebhook | Request, toleranceMs?: number): Promise<string> {
  const error: unknown = await verifyWebhook(webhook, { secrets, toleranceMs }).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WebhookVerificationError);
  return (error as WebhookVerificationError).code;
}

describe("a webhook of ours", () => {
  it("is verified by standardwebhooks, also during a change of secrets", () => {
    for (const secret of [SECRET, OTHER_SECRET]) {
      const { body, headers } = signed({ by: [SECRET, OTHER_SECRET] });
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(text));
    }
    expect(() => new Webhook(OTHER_SECRET).verify(text, signed().headers)).toThrow("No matching signature");
    expect(() => new Webhook(SECRET).verify(`${text} `, signed().headers)).toThrow("No matching signature");
  });

  it.each([
    ["text", signed],
    ["bytes", () => ({ ...signed(), body: new TextEncoder().encode(text) })],
    [
      "a Buffer in the midst of a larger one",
      () => ({ ...signed(), body: Buffer.from(`xx${text}yy`).subarray(2, -2) }),
    ],
    ["an ArrayBuffer", () => ({ ...signed(), body: new TextEncoder().encode(text).buffer })],
    [
      "an ArrayBuffer of another realm, as tests under Jest have it",
      () => {
        const bytes = runInNewContext("Uint8Array.from(bytes)", {
          bytes: [...new TextEncoder().encode(text)],
        }) as Uint8Array;
        return { ...signed(), body: bytes.buffer };
      },
    ],
    ["a Request", () => new Request("https://app.example/", { method: "POST", ...signed() })],
    ["Headers", () => ({ body: text, headers: new Headers(signed().headers) })],
    [
      "Headers of another library",
      () => ({ body: text, headers: { get: (name: string) => signed().headers[name] } }),
    ],
    [
      "a record in any case, with lists",
      () => ({
        body: text,
        headers: Object.fromEntries(
          Object.entries(signed().headers).map(([name, value]) => [name.toUpperCase(), [value]]),
        ),
      }),
    ],
  ])("is verified as %s", async (_name, make) => {
    vi.setSystemTime(NOW);
    expect(await verifyWebhook(make() as RawWebhook, { secrets })).toEqual(expected);
  });

  it("is verified by any of several secrets, and by any of several signatures", async () => {
    expect(await verifyWebhook(signed(), { secrets: [OTHER_SECRET, SECRET] })).toEqual(expected);
    expect(await verifyWebhook(signed({ by: [OTHER_SECRET, SECRET] }), { secrets })).toEqual(expected);
    const { body, headers } = signed();
    const among = `v1a,abc ${headers["webhook-signature"]!} v1,AAAA v2,x`;
    expect(
      await verifyWebhook({ body, headers: { ...headers, "webhook-signature": among } }, { secrets }),
    ).toEqual(expected);
  });
});

describe("a webhook of standardwebhooks", () => {
  it.each(['{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{"x":"é\u2028🚂"}}'])(
    "is verified: %s",
    async (body) => {
      const theirs = new Webhook(SECRET);
      const headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": String(Math.floor(NOW / 1000)),
        "webhook-signature": theirs.sign("msg_1", new Date(NOW), body),
      };
      expect(await verifyWebhook({ body, headers }, { secrets })).toEqual({
        id: "msg_1",
        type: "a.b",
        timestamp: new Date(Date.UTC(2026, 0, 1)),
        data: { x: "é\u2028🚂" },
      });
    },
  );

  it("that is no event is verified, and refused with an error of its own", async () => {
    await expect(verifyWebhook(signed({ body: '{"test":1}' }), { secrets })).rejects.toThrow(TypeError);
    await expect(verifyWebhook(signed({ body: "" }), { secrets })).rejects.toThrow("is no event of Waybill");
  });
});

describe("a webhook that is not to be believed", () => {
  it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("lacks %s", async (name) => {
    const { body, headers } = signed();
    const { [name]: _left, ...others } = headers;
    expect(await refusal({ body, headers: others })).toBe("missing_header");
    expect(await refusal({ body, headers: { ...headers, [name]: "" } })).toBe("missing_header");
    expect(await refusal({ body, headers: { ...headers, [name]: undefined } })).toBe("missing_header");
    expect(await refusal({ body, headers: new Headers(others) })).toBe("missing_header");
    // As gateways pass on what was not there.
    for (const nothing of [null, 7, {}]) {
      const odd = { body, headers: { ...headers, [name]: nothing } } as unknown as RawWebhook;
      expect(await refusal(odd)).toBe("missing_header");
    }
  });

  it.each([null, undefined])("has no headers at all: %j", async (headers) => {
    expect(await refusal({ body: text, headers } as unknown as RawWebhook)).toBe("missing_header");
  });

  it.each(["soon", "1e9", "-1767323045", "1767323045.5", " ", "0x69573625"])(
    "has no timestamp but %j",
    async (timestamp) => {
      const { body, headers } = signed();
      expect(await refusal({ body, headers: { ...headers, "webhook-timestamp": timestamp } })).toBe(
        "missing_header",
      );
    },
  );

  it("is older or newer than five minutes, or than it may be", async () => {
    const at = (seconds: number) => signed({ atMs: Math.floor(NOW / 1000) * 1000 + seconds * 1000 });
    vi.setSystemTime(Math.floor(NOW / 1000) * 1000);
    expect(await verifyWebhook(at(-300), { secrets })).toEqual(expected);
    expect(await verifyWebhook(at(300), { secrets })).toEqual(expected);
    expect(await refusal(at(-301))).toBe("timestamp_too_old");
    expect(await refusal(at(301))).toBe("timestamp_too_new");
    expect(await refusal(at(-2), 1_000)).toBe("timestamp_too_old");
    expect(await verifyWebhook(at(-3_000), { secrets, toleranceMs: 3_600_000 })).toEqual(expected);
    // In milliseconds, as many write it.
    const { body, headers } = signed();
    expect(await refusal({ body, headers: { ...headers, "webhook-timestamp": String(NOW) } })).toBe(
      "timestamp_too_new",
    );
  });

  it("was changed in any part of what is signed", async () => {
    const { body, headers } = signed();
    const later = String(Math.floor(NOW / 1000) + 1);
    expect(await refusal({ body: body.replace("job-a", "job-b"), headers })).toBe("no_match");
    expect(await refusal({ body, headers: { ...headers, "webhook-id": "job-a:8" } })).toBe("no_match");
    expect(await refusal({ body, headers: { ...headers, "webhook-timestamp": later } })).toBe("no_match");
    // As a framework would write it again.
    expect(await refusal({ body: JSON.stringify(JSON.parse(body), null, 1), headers })).toBe("no_match");
    // A byte order mark, and a part moved from the body to the timestamp.
    expect(await refusal({ body: `\ufeff${body}`, headers })).toBe("no_match");
    expect(await refusal({ body: `.${body}`, headers: { ...headers, "webhook-id": "job-a:7" } })).toBe(
      "no_match",
    );
  });

  it("was signed by another secret, in another version, or in another text of the same bytes", async () => {
    const { body, headers } = signed();
    const signature = headers["webhook-signature"]!;
    expect(await refusal(signed({ by: [OTHER_SECRET] }))).toBe("no_match");
    const bad = [
      signature.replace("v1,", "v1a,"),
      signature.replace("v1,", ""),
      signature.replace("v1,", "v1="),
      signature.replace(/=+$/, ""),
      `v1,${Buffer.from(signature.slice(3), "base64").toString("hex")}`,
      signature.slice(0, 10),
      "v1,",
      `v1,${createHmac("sha1", "x").digest("base64")}`,
    ];
    for (const each of bad) {
      expect(await refusal({ body, headers: { ...headers, "webhook-signature": each } })).toBe("no_match");
    }
  });

  it("has a body that was parsed or read before", async () => {
    const { headers } = signed();
    for (const body of [JSON.parse(text) as object, null, undefined, 7]) {
      expect(await refusal({ body, headers } as unknown as RawWebhook)).toBe("body_was_parsed");
    }
    const request = () => new Request("https://app.example/", { method: "POST", ...signed() });
    const [read, locked] = [request(), request()];
    await read.json();
    expect(await refusal(read)).toBe("body_was_parsed");
    locked.body?.getReader();
    expect(await refusal(locked)).toBe("body_was_parsed");
  });
});

describe("what can only be a mistake of the receiver", () => {
  it.each([
    [{ secrets: [] }, "secrets must be a list of at least one secret."],
    [{ secrets: SECRET }, "secrets must be a list of at least one secret."],
    [{ secrets: [SECRET, "CANARY"] }, "secrets[1] must be whsec_ and 24 to 64 bytes in base64."],
    [{ secrets: [undefined] }, "secrets[0] must be"],
    [{ secrets, toleranceMs: -1 }, "toleranceMs must be"],
    [{ secrets, toleranceMs: Number.NaN }, "toleranceMs must be"],
    [{ secrets, tolerance: 5 }, "Did you mean toleranceMs?"],
  ])("is told: %j", async (options, sentence) => {
    const verifying = verifyWebhook(signed(), options as unknown as { secrets: [string] });
    await expect(verifying).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining(sentence) as string,
    });
    await expect(verifying).rejects.not.toThrow("CANARY");
  });
});
