import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { appsyncEventsNotifier, type AppSyncEventsNotifierOptions } from "../../src/appsync.js";
import type { PublishContext } from "../../src/core/ports/notifier.js";
import { DOUBLE_KEYS, startAppSync, type AppSyncDouble } from "../doubles/appsync/double.js";
import { CANARY, eventOf, viewOf } from "../doubles/appsync/sample-event.js";
import { RealtimeClient } from "../doubles/appsync/subscriber.js";

let appsync: AppSyncDouble;

beforeEach(async () => {
  appsync = await startAppSync();
});
afterEach(() => appsync.close());

function notifier(over: Partial<AppSyncEventsNotifierOptions> = {}) {
  return appsyncEventsNotifier({
    endpoint: appsync.eventsUrl,
    auth: { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey },
    namespace: "jobs",
    ...over,
  });
}

function context(over: Partial<PublishContext> = {}): PublishContext {
  return { signal: new AbortController().signal, view: async () => null, ...over };
}

const told = () => appsync.accepted.map(({ channel, push }) => `${String(channel)} ${String(push["id"])}`);
const oneChannel = { channels: () => [["all"]] };

describe("channels", () => {
  it("are that of the job and that of its owner, in legal names", async () => {
    const events = [eventOf("job_a", 2, { owner: "ana" }), eventOf("job-b", 2, { owner: null })];
    const told1 = notifier();
    expect(await told1.publish(events, context())).toEqual([
      { status: "delivered" },
      { status: "delivered" },
    ]);
    expect(told().sort()).toEqual(
      [
        "/jobs/job/job-b job-b:2",
        `${told1.channel("job", "job_a")} job_a:2`,
        "/jobs/owner/ana job_a:2",
      ].sort(),
    );
    expect(told1.channel("job", "job_a")).toMatch(/^\/jobs\/job\/h-[0-9a-f]{40}$/);
  });

  it("may be none: nothing is told, and it counts as delivered", async () => {
    expect(await notifier({ channels: () => [] }).publish([eventOf("job-a", 2)], context())).toEqual([
      { status: "delivered" },
    ]);
    expect(appsync.requests).toBe(0);
  });

  it("that cannot be, or a function that throws, are tried again", async () => {
    for (const channels of [
      () => [[]],
      () => [["a", "b", "c", "d", "e"]],
      () => {
        throw new Error(CANARY);
      },
    ]) {
      const results = await notifier({ channels }).publish([eventOf("job-a", 2)], context());
      expect(results).toMatchObject([{ status: "retry" }]);
      expect(JSON.stringify(results)).not.toContain(CANARY);
    }
  });
});

describe("a subscriber", () => {
  it.each(["/jobs/owner/ana", "/jobs/owner/*"])(
    "of %s gets the event, and nothing of what stays in the server",
    async (channel) => {
      const authorization = { "x-api-key": DOUBLE_KEYS.apiKey };
      const ana = await RealtimeClient.open(appsync.eventsRealtimeUrl, "aws-appsync-event-ws", authorization);
      expect(await ana.next(["connection_ack"])).toMatchObject({ connectionTimeoutMs: 300_000 });
      ana.send({ type: "subscribe", id: "s1", channel, authorization });
      await ana.next(["subscribe_success"], "s1");
      await notifier().publish([eventOf("job-a", 3)], context());
      const [frame] = await ana.data("s1", 1);
      expect(JSON.parse(String(frame?.["event"]))).toMatchObject({
        id: "job-a:3",
        word: "PROCESSING",
        at: "2026-01-02T03:04:05.678Z",
      });
      expect(String(frame?.["event"])).not.toContain(CANARY);
      ana.close();
    },
  );
});

describe("a batch", () => {
  it("has five events in a request, and those of one job one after the other", async () => {
    const events = ["a", "b", "c", "d", "e", "f", "g"].map((name) => eventOf(`job-${name}`, 2));
    const results = await notifier(oneChannel).publish([...events, eventOf("job-a", 3)], context());
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["delivered"]));
    expect(appsync.requests).toBe(3);
    expect(told().filter((each) => each.includes("job-a"))).toEqual([
      "/jobs/all job-a:2",
      "/jobs/all job-a:3",
    ]);
  });

  it("maps what AppSync did not accept back, and lets nothing of that job overtake it", async () => {
    appsync.faults.next("failed", { where: ({ jobId }) => jobId === "job-b" });
    const events = [eventOf("job-a", 2), eventOf("job-b", 2), eventOf("job-b", 3), eventOf("job-c", 2)];
    const results = await notifier(oneChannel).publish(events, context());
    expect(results.map(({ status }) => status)).toEqual(["delivered", "retry", "retry", "delivered"]);
    expect(told()).toEqual(["/jobs/all job-a:2", "/jobs/all job-c:2"]);
  });

  it("rejects what the namespace's handler left out", async () => {
    appsync.faults.next("refused", { where: ({ jobId }) => jobId === "job-b" });
    const results = await notifier(oneChannel).publish([eventOf("job-a", 2), eventOf("job-b", 2)], context());
    expect(results).toEqual([
      { status: "delivered" },
      { status: "rejected", reason: "the namespace's handler left it out" },
    ]);
  });

  it("is delivered only when every channel accepted it", async () => {
    appsync.faults.next("failed");
    expect(await notifier().publish([eventOf("job-a", 2)], context())).toMatchObject([{ status: "retry" }]);
    expect(appsync.accepted.length).toBe(1);
    expect(await notifier().publish([eventOf("job-a", 2)], context())).toEqual([{ status: "delivered" }]);
  });

  it("parts from an event that makes AppSync refuse the request, and delivers the others", async () => {
    // The size of an event is known to the notifier; what else AppSync refuses is not.
    const small = await startAppSync({ namespaces: ["other"] });
    const results = await notifier({ ...oneChannel, endpoint: small.eventsUrl }).publish(
      [eventOf("job-a", 2), eventOf("job-b", 2)],
      context(),
    );
    expect(results).toMatchObject([{ status: "retry" }, { status: "retry" }]);
    expect(small.requests).toBe(3);
    await small.close();
  });

  it("answers for each event when its own time is over, a second before the relay would answer for all", async () => {
    appsync.faults.next("hang");
    const told1 = notifier({ ...oneChannel, timeoutMs: 100 });
    expect([told1.timeoutMs, notifier().timeoutMs]).toEqual([1_100, 16_000]);
    const publishing = told1.publish([eventOf("job-a", 3), eventOf("job-a", 4)], context());
    // What nobody holds is gone then; the deadline must not be.
    await new Promise((resolve) => setImmediate(resolve));
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(await publishing).toEqual([
      { status: "retry", reason: "no answer in time" },
      { status: "retry", reason: "what comes before it was not delivered" },
    ]);
  });

  it("stops at a request that failed as a whole", async () => {
    for (const [fault, status] of [
      ["unavailable", "retry"],
      ["throttled", "held"],
      ["unauthorized", "retry"],
    ] as const) {
      appsync.faults.next(fault, { count: 9 });
      const before = appsync.requests;
      const results = await notifier(oneChannel).publish(
        [eventOf("job-a", 2), eventOf("job-a", 3)],
        context(),
      );
      expect(results.map((result) => result.status)).toEqual([status, status]);
      expect(appsync.requests - before).toBe(1);
      appsync.faults.heal();
    }
  });

  it("is told again after a lost answer: twice, never not at all", async () => {
    appsync.faults.next("lost_reply");
    expect(await notifier(oneChannel).publish([eventOf("job-a", 2)], context())).toMatchObject([
      { status: "retry" },
    ]);
    expect(await notifier(oneChannel).publish([eventOf("job-a", 2)], context())).toEqual([
      { status: "delivered" },
    ]);
    expect(told()).toEqual(["/jobs/all job-a:2", "/jobs/all job-a:2"]);
  });

  it("is accepted with a signature", async () => {
    const { region, ...credentials } = DOUBLE_KEYS.iam;
    const auth = { mode: "iam", credentials, region } as const;
    const message = "東京 🚂";
    const results = await notifier({ auth }).publish([eventOf("job-a", 2, { message })], context());
    expect(results).toEqual([{ status: "delivered" }]);
  });
});

describe("the body", () => {
  it("is the event with the job, or what the application makes of them", async () => {
    const view = async () => viewOf("job-a", { output: { rows: 7 } });
    await notifier({ ...oneChannel, body: "view" }).publish([eventOf("job-a", 2)], context({ view }));
    const body: AppSyncEventsNotifierOptions["body"] = (event, job) => ({
      said: event.word,
      output: job?.output ?? null,
    });
    await notifier({ ...oneChannel, body }).publish([eventOf("job-a", 2)], context({ view }));
    expect(appsync.accepted.map(({ push }) => push)).toEqual([
      expect.objectContaining({ id: "job-a:2", job: expect.objectContaining({ output: { rows: 7 } }) }),
      { said: "PROCESSING", output: { rows: 7 } },
    ]);
  });

  it.each([
    ["undefined", () => undefined],
    ["a function", () => () => CANARY],
    ["a promise that rejects", () => Promise.reject(new Error(CANARY))],
  ])("that is no JSON is tried again, and nothing is told: %s", async (_what, body) => {
    const results = await notifier({ body: body as never }).publish([eventOf("job-a", 2)], context());
    expect(results).toMatchObject([{ status: "retry" }]);
    expect(JSON.stringify(results)).not.toContain(CANARY);
    expect(appsync.requests).toBe(0);
  });

  it("may be a promise, and is not waited for when the time is over, nor is the job", async () => {
    const patient = notifier({ ...oneChannel, body: async ({ jobId }) => ({ id: jobId }) });
    expect(await patient.publish([eventOf("job-a", 2)], context())).toEqual([{ status: "delivered" }]);
    expect(appsync.accepted.map(({ push }) => push)).toEqual([{ id: "job-a" }]);
    const hanging = () => new Promise<never>(() => undefined);
    for (const [body, view] of [
      [hanging, async () => null],
      ["view", hanging],
    ] as const) {
      const ending = new AbortController();
      const publishing = notifier({ body }).publish(
        [eventOf("job-a", 2)],
        context({ signal: ending.signal, view }),
      );
      ending.abort();
      expect(await publishing).toEqual([{ status: "retry", reason: "no answer in time" }]);
    }
    expect(appsync.requests).toBe(1);
  });

  it("is cut where it is larger than AppSync takes; the application's own is rejected", async () => {
    const view = async () => viewOf("job-a", { output: "x".repeat(250_000) });
    await notifier({ ...oneChannel, body: "view" }).publish([eventOf("job-a", 2)], context({ view }));
    expect(appsync.accepted[0]?.push).toMatchObject({ truncated: true, job: { id: "job-a" } });
    const own = notifier({ ...oneChannel, body: (_event, job) => job?.output ?? null });
    expect(await own.publish([eventOf("job-a", 2)], context({ view }))).toMatchObject([
      { status: "rejected" },
    ]);
  });
});
