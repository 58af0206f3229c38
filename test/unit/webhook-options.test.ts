import { describe, expect, it } from "vitest";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { laneOf } from "../../src/transports/webhook/lane.js";
import { webhookNotifier } from "../../src/transports/webhook/webhook-notifier.js";

const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const URL_OF_HOOK = "https://hooks.example/path-CANARY?token=CANARY";
const endpoint = { url: URL_OF_HOOK, secrets: [SECRET] as const };

/** The sentence that options are refused with; "": they are not. */
function refusal(options: object): string {
  try {
    webhookNotifier({ endpoint, ...options });
    return "";
  } catch (error) {
    expect(error).toMatchObject({ code: "config.invalid" });
    const { message } = error as Error;
    expect(message).not.toContain("CANARY");
    expect(message).not.toContain(SECRET.slice(6));
    return message;
  }
}

describe("the options of a webhook notifier", () => {
  it.each([
    {},
    { endpoint: () => null },
    { format: "standard", body: "view", onGone: () => undefined, allowLocalReceivers: false },
    { format: { cloudEvents: { source: "urn:app" } }, body: () => 1 },
    { kinds: ["mail.send"], on: ["job.completed", "job.failed"], giveUpAfterMs: 1, timeoutMs: 1 },
    {
      ...Object.fromEntries(
        ["format", "body", "onGone", "kinds", "on", "giveUpAfterMs"].map((name) => [name, undefined]),
      ),
    },
    {
      endpoint: { url: "https://hooks.example:8443/", secrets: [SECRET, SECRET], headers: { "x-key": "1" } },
    },
    { endpoint: { url: "https://1.1.1.1/", secrets: [SECRET], headers: undefined } },
    { endpoint: { url: "https://[2606:4700::1111]/", secrets: [SECRET] } },
    { endpoint: { url: "http://localhost:3000/", secrets: [SECRET] }, allowLocalReceivers: true },
    { endpoint: { url: "http://[::1]:3000/", secrets: [SECRET] }, allowLocalReceivers: true },
    { endpoint: { url: "https://app.localhost:3000/", secrets: [SECRET] }, allowLocalReceivers: true },
  ])("may be %j", (options) => {
    expect(refusal(options)).toBe("");
  });

  it.each([
    [{ endpont: 1 }, 'webhookNotifier has no option "endpont". Did you mean endpoint?'],
    [{ retry: { maxAttempts: 3 } }, 'webhookNotifier has no option "retry".'],
    [{ endpoint: undefined }, "endpoint must be { url, secrets }."],
    [{ endpoint: null }, "The options of endpoint must be an object."],
    [{ endpoint: { ...endpoint, secret: SECRET } }, 'endpoint has no option "secret". Did you mean secrets?'],
    [{ endpoint: { ...endpoint, url: "hooks.example/CANARY" } }, "endpoint.url must be a URL."],
    [{ endpoint: { ...endpoint, url: 7 } }, "endpoint.url must be a URL."],
    [
      { endpoint: { ...endpoint, url: "http://hooks.example/CANARY" } },
      "endpoint.url must be https (allowLocalReceivers lets http to this machine through).",
    ],
    [
      { endpoint: { ...endpoint, url: "http://hooks.example/" }, allowLocalReceivers: true },
      "endpoint.url must be https",
    ],
    [
      { endpoint: { ...endpoint, url: "http://10.0.0.1/" }, allowLocalReceivers: true },
      "endpoint.url must be https",
    ],
    [
      { endpoint: { ...endpoint, url: "https://CANARY:CANARY@hooks.example/" } },
      "must not hold a user or password",
    ],
    [
      { endpoint: { ...endpoint, url: "https://hooks.example:8080/" } },
      "endpoint.url must use port 443 or 8443.",
    ],
    [{ endpoint: { ...endpoint, url: "https://127.0.0.1/" } }, "endpoint.url must lead to a public address"],
    [{ endpoint: { url: URL_OF_HOOK } }, "secrets must be a list of at least one secret."],
    [{ endpoint: { url: URL_OF_HOOK, secrets: [] } }, "secrets must be a list of at least one secret."],
    [
      { endpoint: { url: URL_OF_HOOK, secrets: ["CANARY"] } },
      "secrets[0] must be whsec_ and 24 to 64 bytes in base64.",
    ],
    [{ endpoint: { url: URL_OF_HOOK, secrets: [SECRET, "whsec_CANARY"] } }, "secrets[1] must be whsec_"],
    [{ endpoint: { ...endpoint, headers: { Host: "CANARY" } } }, 'must not hold "Host": the webhook sets it'],
    [{ endpoint: { ...endpoint, headers: { "webhook-id": "CANARY" } } }, 'must not hold "webhook-id"'],
    [{ endpoint: { ...endpoint, headers: { "content-type": "CANARY" } } }, 'must not hold "content-type"'],
    [{ endpoint: { ...endpoint, headers: { "transfer-encoding": "x" } } }, "must not hold"],
    [{ endpoint: { ...endpoint, headers: { "x\r\ny": "CANARY" } } }, "no header of HTTP"],
    [{ endpoint: { ...endpoint, headers: { "x-key": "CANARY\r\nhost: a" } } }, "no header of HTTP"],
    [{ endpoint: { ...endpoint, headers: { "x-key": 7 } } }, 'endpoint.headers["x-key"] must be a text.'],
    [{ endpoint: { ...endpoint, headers: null } }, "endpoint.headers must be an object of texts."],
    [{ format: "cloudevents" }, 'format must be "standard" or { cloudEvents: { source } }.'],
    [{ format: null }, "format must be"],
    [{ format: { cloudEvents: {} } }, "format.cloudEvents.source must be a URI"],
    [{ format: {} }, "format.cloudEvents.source must be a URI"],
    [{ format: { cloudEvent: {} } }, "Did you mean cloudEvents?"],
    [
      { format: { cloudEvents: { source: "urn:app", types: [] } } },
      'format.cloudEvents has no option "types". It takes source.',
    ],
    [{ body: "fat" }, 'body must be "thin", "view" or a function.'],
    [{ onGone: 1 }, "onGone must be a function."],
    [{ kinds: "mail.send" }, "kinds must be a list."],
    [{ on: "job.failed" }, "on must be a list of events."],
    [{ on: ["job.failed", "job.complete"] }, "on[1] is no event. Did you mean job.completed?"],
    [{ on: [7] }, "on[0] is no event. There are job.created"],
    [{ timeoutMs: 0 }, "timeoutMs must be a whole number of milliseconds above 0."],
    [{ giveUpAfterMs: 1.5 }, "giveUpAfterMs must be a whole number of milliseconds above 0."],
  ])("may not be %j", (options, sentence) => {
    expect(refusal(options)).toContain(sentence);
  });

  it("are passed on, with a second more than the notifier takes itself", () => {
    const on = ["job.failed"] as const;
    expect(webhookNotifier({ endpoint, kinds: ["a"], on, giveUpAfterMs: 9, timeoutMs: 5_000 })).toMatchObject(
      {
        kinds: ["a"],
        on,
        giveUpAfterMs: 9,
        timeoutMs: 6_000,
      },
    );
    expect(webhookNotifier({ endpoint })).toMatchObject({ timeoutMs: 16_000, maxBatch: 8 });
  });
});

describe("the lane of a webhook", () => {
  const event = sampleEvent("job-a", 1, { owner: "tenant-7" });
  const other = (path: string) => ({ ...endpoint, url: `https://hooks.example/${path}` });

  it("is its URL, without what may be a secret in it", () => {
    const lane = laneOf(endpoint)(event);
    expect(lane).toMatch(/^https:\/\/hooks\.example#[0-9a-f]{16}$/);
    expect(laneOf(() => endpoint)(event)).toBe(lane);
    expect(laneOf(() => other("a"))(event)).not.toBe(laneOf(() => other("b"))(event));
  });

  it("is one for all of whom nobody is to be told", () => {
    expect(laneOf(() => null)(event)).toBe("nobody");
  });

  it("is the owner where the function cannot answer at once, throws or answers nonsense", async () => {
    let asked = 0;
    const lane = laneOf(async () => {
      asked += 1;
      throw new Error("CANARY");
    });
    expect([lane(event), lane(event), lane({ ...event, owner: null })]).toEqual([
      "owner:tenant-7",
      "owner:tenant-7",
      "no-owner",
    ]);
    // Not again for each event: it may be a query.
    expect(asked).toBe(1);
    const throwing = () => {
      throw new Error("CANARY");
    };
    expect(laneOf(throwing)(event)).toBe("owner:tenant-7");
    for (const nonsense of [undefined, 7, {}]) {
      expect(laneOf(() => nonsense as unknown as null)(event)).toBe("owner:tenant-7");
    }
    await new Promise(setImmediate);
  });
});
