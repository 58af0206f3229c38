import { memoryNotifier, type NotifierOptions } from "waybill";
import { appsyncEventsNotifier, appsyncNotifier } from "waybill/appsync";
import { rabbitmqConnection, rabbitmqNotifier } from "waybill/rabbitmq";
import { webhookNotifier } from "waybill/webhook";
import { describe, expect, it } from "vitest";

const auth = { mode: "apiKey", apiKey: "da2-key" } as const;
const connection = rabbitmqConnection(() => Promise.reject(new Error("nobody connects")));
const endpoint = {
  url: "https://example.com/hook",
  secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] as [string],
};

const FACTORIES: Readonly<Record<string, (options: NotifierOptions) => NotifierOptions>> = {
  memoryNotifier,
  webhookNotifier: (options) => webhookNotifier({ endpoint, ...options }),
  rabbitmqNotifier: (options) => rabbitmqNotifier({ connection, ...options }),
  appsyncNotifier: (options) =>
    appsyncNotifier({ endpoint: "https://x.example/graphql", auth, userEmail: () => null, ...options }),
  appsyncEventsNotifier: (options) =>
    appsyncEventsNotifier({ endpoint: "https://x.example/event", auth, namespace: "jobs", ...options }),
};

const UNUSABLE: readonly [options: object, sentence: string][] = [
  [{ kinds: "mail" }, "kinds must be a list."],
  [{ kinds: [7] }, "kinds must be a list."],
  [{ on: "job.failed" }, "on must be a list of events."],
  [{ on: ["job.failed", "job.complete"] }, "on[1] is no event. Did you mean job.completed?"],
  [{ on: [7] }, "on[0] is no event. There are job.created"],
  [{ giveUpAfterMs: 0 }, "giveUpAfterMs must be a whole number of milliseconds above 0."],
  [{ giveUpAfterMs: Number.POSITIVE_INFINITY }, "giveUpAfterMs must be a whole number"],
  [{ timeoutMs: "15s" }, "timeoutMs must be a whole number of milliseconds above 0."],
  [{ timeoutMS: 1 }, "Did you mean timeoutMs?"],
];

describe.each(Object.entries(FACTORIES))("%s", (_, make) => {
  it.each(UNUSABLE)("refuses %o", (options, sentence) => {
    expect(() => make(options)).toThrow(sentence);
  });

  it("takes them, and undefined in place of each", () => {
    const given = { kinds: ["mail"], on: ["job.failed"], giveUpAfterMs: 9, timeoutMs: 5 } as const;
    // A webhook's is the time of one delivery: the publish has a little more.
    const { timeoutMs, ...same } = given;
    expect(make(given)).toMatchObject(same);
    expect(make(given).timeoutMs).toBeGreaterThanOrEqual(timeoutMs);
    make({ kinds: undefined, on: undefined, giveUpAfterMs: undefined, timeoutMs: undefined });
  });
});
