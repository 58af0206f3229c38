import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appsyncNotifier, type AppSyncNotifierOptions } from "../../src/appsync.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { PublishContext } from "../../src/core/ports/notifier.js";
import { DOUBLE_KEYS, startAppSync, type AppSyncDouble } from "../doubles/appsync/double.js";
import { CANARY, eventOf, viewOf } from "../doubles/appsync/sample-event.js";
import { RealtimeClient } from "../doubles/appsync/subscriber.js";

const TOKENS = {
  "token.of.ana": { sub: "ana", email: "ana@example.com", email_verified: true },
  "token.of.ben": { sub: "ben", email: "ben@example.com", email_verified: true },
};
const SIX = ["id", "action", "status", "timestamp", "message", "userEmail"];

let appsync: AppSyncDouble;

beforeEach(async () => {
  appsync = await startAppSync({ tokens: TOKENS, publishers: ["apiKey", "iam", "token"] });
});
afterEach(() => appsync.close());

function notifier(over: Partial<AppSyncNotifierOptions> = {}) {
  return appsyncNotifier({
    endpoint: appsync.url,
    auth: { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey },
    action: ({ metadata }) => (metadata as { action: string }).action,
    userEmail: ({ metadata }) => (metadata as { userEmail: string }).userEmail,
    ...over,
  });
}

function context(over: Partial<PublishContext> = {}): PublishContext {
  return { signal: new AbortController().signal, view: async () => null, ...over };
}

const belongingTo = (userEmail: string): Partial<ServerEvent> => ({
  metadata: { action: "start", userEmail },
});
const ids = () => appsync.accepted.map(({ push }) => `${String(push["jobId"])}:${String(push["version"])}`);

describe("authorisation", () => {
  const { iam } = DOUBLE_KEYS;
  const { region, ...keys } = iam;

  it.each<[string, AppSyncNotifierOptions["auth"]]>([
    ["an API key", { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey }],
    ["an API key that is asked for", { mode: "apiKey", apiKey: async () => DOUBLE_KEYS.apiKey }],
    ["a user pool's token", { mode: "userPool", token: "token.of.ana" }],
    ["an OIDC token that is asked for", { mode: "oidc", token: () => "token.of.ana" }],
    ["a Lambda authoriser's token", { mode: "lambda", token: "token.of.ana" }],
    ["keys of AWS", { mode: "iam", credentials: keys, region }],
    ["a credential provider", { mode: "iam", credentials: async () => keys, region }],
  ])("is accepted with %s", async (_what, auth) => {
    const message = "東京 🚂";
    expect(await notifier({ auth }).publish([eventOf("job-a", 3, { message })], context())).toEqual([
      { status: "delivered" },
    ]);
    expect(appsync.accepted.map(({ push }) => push["message"])).toEqual([message]);
  });

  it("is accepted with a session token", async () => {
    const other = await startAppSync({ iam: { ...iam, sessionToken: "session/+=" } });
    const credentials = { ...keys, sessionToken: "session/+=" };
    const told = notifier({ endpoint: other.url, auth: { mode: "iam", credentials, region } });
    expect(await told.publish([eventOf("job-a", 3)], context())).toEqual([{ status: "delivered" }]);
    await other.close();
  });

  it.each<[string, AppSyncNotifierOptions["auth"]]>([
    ["a wrong API key", { mode: "apiKey", apiKey: CANARY }],
    ["an unknown token", { mode: "userPool", token: CANARY }],
    ["a wrong secret", { mode: "iam", credentials: { ...keys, secretAccessKey: CANARY }, region }],
    ["a wrong access key", { mode: "iam", credentials: { ...keys, accessKeyId: CANARY }, region }],
    ["a wrong region", { mode: "iam", credentials: keys, region: "eu-west-3" }],
    ["a provider that throws", { mode: "iam", credentials: () => Promise.reject(new Error(CANARY)), region }],
    ["a token that no header can carry", { mode: "oidc", token: () => `${CANARY}\r\nx: y` }],
  ])("that is %s is tried again, and is in no reason", async (_what, auth) => {
    const [result] = await notifier({ auth }).publish([eventOf("job-a", 3)], context());
    expect(result?.status).toBe("retry");
    expect(JSON.stringify(result)).not.toContain(CANARY);
    expect(appsync.accepted).toEqual([]);
  });

  it("is not handed to fetch where no header can carry it: its error would quote it", async () => {
    const results = await notifier({ auth: { mode: "oidc", token: () => "a\r\nb: c" } }).publish(
      [eventOf("job-a", 3)],
      context(),
    );
    expect(results).toMatchObject([
      { reason: "the key or token is empty, or no text that a header can carry" },
    ]);
  });

  it.each([
    undefined,
    null,
    {},
    { ...keys, accessKeyId: `${CANARY}\n` },
    { ...keys, secretAccessKey: undefined },
    { ...keys, sessionToken: `${CANARY}\r\nx: y` },
  ])("says so where a provider has no keys, and asks AppSync nothing: %j", async (found) => {
    const credentials = (async () => found) as () => Promise<typeof keys>;
    const results = await notifier({ auth: { mode: "iam", credentials, region } }).publish(
      [eventOf("job-a", 3)],
      context(),
    );
    expect(results).toEqual([
      { status: "retry", reason: "the function that has the credentials gave no usable keys" },
    ]);
    expect(appsync.requests).toBe(0);
  });

  it("is asked for anew, so that a key may change", async () => {
    let apiKey: string = "expired";
    const told = notifier({ auth: { mode: "apiKey", apiKey: () => apiKey } });
    const events = [eventOf("job-a", 3)];
    expect(await told.publish(events, context())).toMatchObject([
      { status: "retry", reason: "AppSync answered 401 (UnauthorizedException)" },
    ]);
    apiKey = DOUBLE_KEYS.apiKey;
    expect(await told.publish(events, context())).toEqual([{ status: "delivered" }]);
  });
});

describe("subscribers", () => {
  it.each(["protocol", "query"] as const)(
    "get the six fields of their own updates (headers in %s)",
    async (headersIn) => {
      const authorization = { host: "double", authorization: "token.of.ana" };
      const ana = await RealtimeClient.open(appsync.realtimeUrl, "graphql-ws", authorization, headersIn);
      expect(await ana.next(["connection_ack"])).toMatchObject({ payload: { connectionTimeoutMs: 300_000 } });
      expect(await ana.subscribe("s1", authorization, "ana@example.com")).toMatchObject({
        type: "start_ack",
      });
      const events = [
        eventOf("job-a", 3, belongingTo("ana@example.com")),
        eventOf("job-b", 3, belongingTo("ben@example.com")),
        eventOf("job-c", 3, { ...belongingTo("ana@example.com"), word: "COMPLETED", subject: "i-02" }),
      ];
      await notifier().publish(events, context());
      const told = (await ana.data("s1", 2)).map(
        ({ payload }) => (payload as { data: { onJobUpdate: object } }).data.onJobUpdate,
      );
      expect(told).toEqual([
        {
          id: "i-01",
          action: "start",
          status: "PROCESSING",
          timestamp: 1767323045,
          message: "Processing start",
          userEmail: "ana@example.com",
          jobId: null,
          version: null,
        },
        expect.objectContaining({ id: "i-02", status: "COMPLETED" }),
      ]);
      expect(appsync.accepted.map(({ push }) => Object.keys(push))).toEqual([SIX, SIX, SIX]);
      expect(JSON.stringify(ana.frames)).not.toContain("ben@example.com");
      ana.close();
    },
  );

  it("cannot subscribe to another's, nor to everybody's", async () => {
    const authorization = { host: "double", authorization: "token.of.ben" };
    const ben = await RealtimeClient.open(appsync.realtimeUrl, "graphql-ws", authorization);
    expect(await ben.subscribe("s1", authorization, "ana@example.com")).toMatchObject({ type: "error" });
    expect(await ben.subscribe("s2", authorization)).toMatchObject({ type: "error" });
    ben.close();
  });

  it("get no connection without a token", async () => {
    const nobody = await RealtimeClient.open(appsync.realtimeUrl, "graphql-ws", { authorization: "made up" });
    expect(await nobody.next(["connection_error", "connection_ack"])).toMatchObject({
      type: "connection_error",
    });
  });
});

describe("a batch", () => {
  const told = () => notifier({ fields: "extended" });

  it("puts events of several jobs into one request, and those of one job one after the other", async () => {
    const events = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map((name) =>
      eventOf(`job-${name}`, 2),
    );
    const later = [eventOf("job-a", 3), eventOf("job-a", 5), eventOf("job-b", 4)];
    const results = await told().publish([...events, ...later], context());
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["delivered"]));
    // Eleven jobs are ten and one; then one more of two jobs; then the third of one.
    expect(appsync.requests).toBe(4);
    expect(ids().filter((id) => id.startsWith("job-a"))).toEqual(["job-a:2", "job-a:3", "job-a:5"]);
  });

  it("maps a failure back, and lets nothing of that job overtake it", async () => {
    appsync.faults.next("failed", { where: ({ jobId }) => jobId === "job-b" });
    const events = [eventOf("job-a", 2), eventOf("job-b", 2), eventOf("job-b", 3), eventOf("job-a", 3)];
    const results = await told().publish(events, context());
    expect(results.map(({ status }) => status)).toEqual(["delivered", "retry", "retry", "delivered"]);
    expect(ids()).toEqual(["job-a:2", "job-a:3"]);
    expect(await told().publish(events.slice(1, 3), context())).toEqual([
      { status: "delivered" },
      { status: "delivered" },
    ]);
  });

  it("goes on behind an event that is rejected", async () => {
    appsync.faults.next("refused", { where: ({ version }) => version === 2 });
    const results = await told().publish([eventOf("job-a", 2), eventOf("job-a", 3)], context());
    expect(results.map(({ status }) => status)).toEqual(["rejected", "delivered"]);
  });

  it("parts from an event that the schema refuses, and delivers the others", async () => {
    // GraphQL's Int has 32 bits.
    const events = [eventOf("job-a", 2), eventOf("job-bad", 2 ** 31), eventOf("job-b", 2)];
    const results = await told().publish(events, context());
    expect(results).toEqual([
      { status: "delivered" },
      { status: "rejected", reason: "the schema refuses the value of version" },
      { status: "delivered" },
    ]);
    expect(ids()).toEqual(["job-a:2", "job-b:2"]);
  });

  it("stops at a request that failed as a whole: no further one is made", async () => {
    for (const [fault, status] of [
      ["unavailable", "retry"],
      ["errors", "retry"],
      ["throttled", "held"],
    ] as const) {
      const before = appsync.requests;
      appsync.faults.next(fault);
      const events = [eventOf("job-a", 2), eventOf("job-b", 2), eventOf("job-a", 3)];
      const results = await told().publish(events, context());
      expect(results.map((result) => result.status)).toEqual([status, status, status]);
      expect(appsync.requests - before).toBe(1);
    }
    expect(appsync.accepted).toEqual([]);
  });

  it("stops there for jobs too whose events before were delivered", async () => {
    appsync.faults.next("unavailable", { afterAccepted: 10 });
    const events = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map((name) =>
      eventOf(`job-${name}`, 2),
    );
    const results = await told().publish([...events, eventOf("job-a", 3)], context());
    expect(results.map(({ status }) => status)).toEqual([
      ...events.map(() => "delivered").slice(1),
      "retry",
      "retry",
    ]);
    expect(appsync.requests).toBe(2);
  });

  it("is told again after a lost answer: twice, never not at all", async () => {
    appsync.faults.next("lost_reply");
    const events = [eventOf("job-a", 2), eventOf("job-b", 2)];
    const lost = await told().publish(events, context());
    expect(lost.map(({ status }) => status)).toEqual(["retry", "retry"]);
    expect((await told().publish(events, context())).map(({ status }) => status)).toEqual([
      "delivered",
      "delivered",
    ]);
    expect(ids()).toEqual(["job-a:2", "job-b:2", "job-a:2", "job-b:2"]);
  });

  it("answers for each event when its own time is over, a second before the relay would answer for all", async () => {
    appsync.faults.next("hang");
    const told = notifier({ timeoutMs: 100 });
    expect([told.timeoutMs, notifier().timeoutMs]).toEqual([1_100, 16_000]);
    const publishing = told.publish([eventOf("job-a", 3), eventOf("job-a", 4)], context());
    // What nobody holds is gone then; the deadline must not be.
    await new Promise((resolve) => setImmediate(resolve));
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(await publishing).toEqual([
      { status: "retry", reason: "no answer in time" },
      { status: "retry", reason: "what comes before it was not delivered" },
    ]);
  });

  it("hears its signal while AppSync, or the application's own token, gives no answer", async () => {
    appsync.faults.next("hang", { count: 9 });
    const never = () => new Promise<string>(() => undefined);
    for (const auth of [
      { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey },
      { mode: "oidc", token: never },
    ] as const) {
      const results = await notifier({ auth }).publish(
        [eventOf("job-a", 2)],
        context({ signal: AbortSignal.timeout(150) }),
      );
      expect(results).toEqual([{ status: "retry", reason: "no answer in time" }]);
    }
  });
});

describe("the extended form", () => {
  it("has job, version, phase, percent and progress of the job as it is stored", async () => {
    const view = viewOf("job-a", { phase: "launching", percent: 0.5, progress: { ready: 3 } });
    await notifier({ fields: "extended" }).publish(
      [eventOf("job-a", 4)],
      context({ view: async () => view }),
    );
    expect(appsync.accepted[0]?.push).toEqual({
      id: "i-01",
      action: "start",
      status: "PROCESSING",
      timestamp: 1767323045,
      message: "Processing start",
      userEmail: "ana@example.com",
      jobId: "job-a",
      version: 4,
      phase: "launching",
      percent: 0.5,
      progress: '{"ready":3}',
      truncated: false,
    });
  });

  it("waits for a job that cannot be read", async () => {
    const view = (jobId: string) =>
      jobId === "job-a" ? Promise.reject(new Error(CANARY)) : Promise.resolve(null);
    const events = [eventOf("job-a", 2), eventOf("job-b", 2), eventOf("job-a", 3)];
    const results = await notifier({ fields: "extended" }).publish(events, context({ view }));
    expect(results.map(({ status }) => status)).toEqual(["retry", "delivered", "retry"]);
    expect(JSON.stringify(results)).not.toContain(CANARY);
  });

  it("reads the jobs of twenty events without a warning of Node", async () => {
    const warnings: string[] = [];
    const warn = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", warn);
    const events = Array.from({ length: 20 }, (_, place) => eventOf(`job-${place}`, 2));
    const results = await notifier({ fields: "extended" }).publish(events, context());
    process.off("warning", warn);
    expect(results.map(({ status }) => status)).toEqual(events.map(() => "delivered"));
    expect(warnings).toEqual([]);
  });

  it("waits for a job no longer than its time", async () => {
    const ending = new AbortController();
    const view = () => new Promise<never>(() => undefined);
    const given = context({ signal: ending.signal, view });
    const publishing = notifier({ fields: "extended" }).publish([eventOf("job-a", 2)], given);
    ending.abort();
    expect(await publishing).toEqual([{ status: "retry", reason: "no answer in time" }]);
    expect(appsync.requests).toBe(0);
  });

  it("is cut where it is larger than AppSync takes", async () => {
    const view = viewOf("job-a", { progress: "x".repeat(300_000) });
    const told = notifier({ fields: "extended" });
    await told.publish([eventOf("job-a", 4)], context({ view: async () => view }));
    expect(appsync.accepted[0]?.push).toMatchObject({
      progress: null,
      truncated: true,
      message: "Processing start",
    });
    await told.publish([eventOf("job-a", 5, { message: "é".repeat(200_000) })], context());
    const message = String(appsync.accepted[1]?.push["message"]);
    expect(Buffer.byteLength(message)).toBeGreaterThan(200_000);
    expect(Buffer.byteLength(message)).toBeLessThan(240_000);
    const results = await notifier({ id: () => "x".repeat(250_000) }).publish(
      [eventOf("job-a", 6)],
      context(),
    );
    expect(results).toMatchObject([{ status: "rejected" }]);
  });

  it("sends several large ones in several requests", async () => {
    const large = { message: "x".repeat(200_000) };
    const events = ["a", "b", "c", "d", "e", "f"].map((name) => eventOf(`job-${name}`, 2, large));
    const results = await notifier({ fields: "extended" }).publish(events, context());
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["delivered"]));
    expect(appsync.requests).toBe(2);
  });
});

describe("a mapping that fails", () => {
  it.each<[string, Partial<AppSyncNotifierOptions>]>([
    [
      "throws",
      {
        userEmail: () => {
          throw new Error(CANARY);
        },
      },
    ],
    ["returns no text", { action: () => undefined as unknown as string }],
  ])("and %s is tried again, and tells nothing", async (_what, over) => {
    const results = await notifier(over).publish([eventOf("job-a", 2)], context());
    expect(results).toMatchObject([{ status: "retry" }]);
    expect(JSON.stringify(results)).not.toContain(CANARY);
    expect(appsync.requests).toBe(0);
  });
});

describe("send", () => {
  it("tells what is no job", async () => {
    const at = new Date(1_767_323_045_999);
    const message = {
      id: "unknown",
      action: "unknown",
      status: "FAILED",
      message: "Error processing message: not JSON",
      at,
    };
    expect(await notifier().send(message)).toEqual({ status: "delivered" });
    expect(await notifier({ fields: "extended" }).send({ ...message, userEmail: "ana@example.com" })).toEqual(
      { status: "delivered" },
    );
    expect(appsync.accepted.map(({ push }) => push)).toEqual([
      {
        id: "unknown",
        action: "unknown",
        status: "FAILED",
        timestamp: 1767323045,
        message: message.message,
        userEmail: null,
      },
      expect.objectContaining({ userEmail: "ana@example.com", jobId: null, version: null, truncated: false }),
    ]);
  });

  it("says what became of it, within its time", async () => {
    const message = { id: "unknown", action: "unknown", status: "FAILED" };
    appsync.faults.next("unavailable");
    expect(await notifier().send(message)).toMatchObject({ status: "retry" });
    appsync.faults.next("refused");
    expect(await notifier().send(message)).toMatchObject({ status: "rejected" });
    appsync.faults.next("hang");
    expect(await notifier({ timeoutMs: 100 }).send(message)).toEqual({
      status: "retry",
      reason: "no answer in time",
    });
    expect(await notifier().send({ ...message, at: new Date(NaN) })).toMatchObject({ status: "rejected" });
  });
});
