import { Agent } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { verifyWebhook } from "../../src/webhook/verify.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Json } from "../../src/core/json/json.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { sampleEvent, sampleView } from "../../src/testing/notifier-suite/sample-event.js";
import { openNetwork } from "../../src/transports/webhook/network.js";
import type { WebhookNotifierOptions } from "../../src/transports/webhook/options.js";
import { notifierOn, webhookNotifier } from "../../src/transports/webhook/webhook-notifier.js";
import { context, notifierOf, OTHER_SECRET, publishOne, SECRET } from "./webhook-bench.js";
import { type ReceivedWebhook, type Receiver, startReceiver, status } from "./webhook-receiver.js";

const event = sampleEvent("job-a", 7);
const opened: { close(): Promise<void> }[] = [];
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  opened.push(receiver);
});

afterEach(async () => {
  vi.useRealTimers();
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** The library's own factory, to a receiver on this machine. */
function notifier(options: Partial<WebhookNotifierOptions> = {}, path = "/hook") {
  const made = webhookNotifier({
    endpoint: { url: `http://127.0.0.1:${receiver.port}${path}`, secrets: [SECRET] },
    allowLocalReceivers: true,
    ...options,
  });
  opened.push({ close: async () => made.close?.() });
  return made;
}

const rejected = { status: "rejected", reason: "the endpoint answered 410: it is gone" };

describe("a webhook that is sent", () => {
  it("is what its receiver verifies, with the endpoint's own headers", async () => {
    const endpoint = {
      url: `http://127.0.0.1:${receiver.port}/hook?team=7`,
      secrets: [SECRET, OTHER_SECRET] as const,
      headers: { authorization: "Bearer token", "User-Agent": "their own" },
    };
    expect(await publishOne(notifier({ endpoint }), event)).toEqual({ status: "delivered" });
    const [got] = receiver.received;
    expect(got?.path).toBe("/hook?team=7");
    expect(got?.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "content-length": String(Buffer.byteLength(got?.body ?? "")),
      authorization: "Bearer token",
      "user-agent": "their own",
      host: `127.0.0.1:${receiver.port}`,
    });
    for (const secret of [SECRET, OTHER_SECRET]) {
      const verified = await verifyWebhook(got!, { secrets: [secret] });
      expect(verified).toMatchObject({ id: "job-a:7", type: "job.started", timestamp: event.at });
      expect(verified.data).toMatchObject({ jobId: "job-a", version: 7, message: event.message });
    }
  });

  it("has one id and one body at every repetition, and the instant of its own delivery", async () => {
    const clock = fakeClock();
    const repeating = notifierOf({
      options: {
        endpoint: { url: `http://127.0.0.1:${receiver.port}/`, secrets: [SECRET] },
        allowLocalReceivers: true,
      },
      clock,
    });
    const startMs = clock.now();
    await publishOne(repeating, event);
    await clock.advance(3_600_000);
    await publishOne(repeating, event);
    await repeating.close?.();
    const [first, second] = receiver.received as [ReceivedWebhook, ReceivedWebhook];
    expect([first.id, first.body]).toEqual([second.id, second.body]);
    const seconds = (webhook: ReceivedWebhook) => Number(webhook.headers["webhook-timestamp"]);
    expect([seconds(first), seconds(second) - seconds(first)]).toEqual([Math.floor(startMs / 1000), 3_600]);
  });

  it("is thin, with the view, or of the application's own making", async () => {
    const bodyOf = async (options: Partial<WebhookNotifierOptions>, view = context.view) => {
      expect(await publishOne(notifier(options), event, { view })).toEqual({ status: "delivered" });
      return JSON.parse(receiver.received.at(-1)!.body) as { data: Record<string, unknown> } & Json;
    };
    const unread = vi.fn(context.view);
    expect((await bodyOf({}, unread)).data).not.toHaveProperty("job");
    expect(unread).not.toHaveBeenCalled();
    expect((await bodyOf({ body: "view" })).data["job"]).toEqual(sampleView("job-a"));
    expect((await bodyOf({ body: "view" }, async () => null)).data["job"]).toBeNull();
    const own = await bodyOf({ body: ({ jobId }, view) => ({ jobId, percent: view?.percent ?? null }) });
    expect(own.data).toEqual({ jobId: "job-a", percent: 0.42 });
    expect((await bodyOf({ body: async ({ jobId }) => ({ jobId }) })).data).toEqual({ jobId: "job-a" });
    const cloudEvents = { source: "urn:app:jobs" };
    expect(await bodyOf({ format: { cloudEvents } })).toMatchObject({
      specversion: "1.0",
      source: "urn:app:jobs",
      id: "job-a:7",
      data: { jobId: "job-a" },
    });
    expect(receiver.received.at(-1)?.headers["content-type"]).toContain("application/cloudevents+json");
    expect(await verifyWebhook(receiver.received.at(-1)!, { secrets: [SECRET] })).toMatchObject({
      id: "job-a:7",
      type: "job.started",
      timestamp: event.at,
    });
  });

  it("goes where the function says, or nowhere", async () => {
    const chosen = notifier({
      endpoint: async ({ owner }) =>
        owner === null
          ? null
          : {
              url: `http://localhost:${receiver.port}/${owner}`,
              secrets: [owner === "a" ? SECRET : OTHER_SECRET],
            },
    });
    for (const owner of ["a", "b", null]) {
      expect(await publishOne(chosen, { ...event, owner })).toEqual({ status: "delivered" });
    }
    const [toA, toB] = receiver.received;
    expect(receiver.received.map(({ path }) => path)).toEqual(["/a", "/b"]);
    await verifyWebhook(toA!, { secrets: [SECRET] });
    await verifyWebhook(toB!, { secrets: [OTHER_SECRET] });
    await expect(verifyWebhook(toB!, { secrets: [SECRET] })).rejects.toMatchObject({ code: "no_match" });
  });
});

describe("an endpoint that answers", () => {
  it("429 or 503 is left alone for as long as it says", async () => {
    receiver.answer(null, status(503, { "retry-after": "120" }));
    expect(await publishOne(notifier(), event)).toEqual({
      status: "held",
      reason: "the endpoint answered 503",
      afterMs: 120_000,
    });
  });

  it("410 is told of, with the event; what that throws changes nothing", async () => {
    receiver.answer(null, 410);
    const onGone = vi.fn((_endpoint: unknown, _event: ServerEvent) => {
      throw new Error("CANARY");
    });
    const endpoint = { url: `http://127.0.0.1:${receiver.port}/`, secrets: [SECRET] as const };
    expect(await publishOne(notifier({ endpoint, onGone }), event)).toEqual(rejected);
    expect(onGone.mock.calls).toEqual([[endpoint, event]]);
    const failing = async () => Promise.reject(new Error("CANARY"));
    expect(await publishOne(notifier({ onGone: failing }), event)).toEqual(rejected);
    expect(await publishOne(notifier(), event)).toEqual(rejected);
    const never = () => new Promise<void>(() => undefined);
    expect(await publishOne(notifier({ onGone: never, timeoutMs: 300 }), event)).toEqual(rejected);
  });

  it("at once and never ends is answered by its status, and cut off after 16 KiB", async () => {
    let written = 0;
    const cut = new Promise<void>((resolve) => {
      receiver.answer(null, (response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        const write = (): void => {
          written += 1024;
          response.write("x".repeat(1024), write);
        };
        response.on("close", resolve);
        write();
      });
    });
    expect(await publishOne(notifier({ timeoutMs: 60_000 }), event)).toEqual({ status: "delivered" });
    await cut;
    // What is in flight between two sockets comes on top.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it("and drips its body for ever is cut off when the time is over", async () => {
    const cut = new Promise<void>((resolve) => {
      receiver.answer(null, (response) => {
        response.writeHead(200).write("x");
        response.on("close", resolve);
      });
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    expect(await publishOne(notifier({ timeoutMs: 200 }), event)).toEqual({ status: "delivered" });
    vi.advanceTimersByTime(200);
    await cut;
  });
});

describe("an endpoint that does not answer", () => {
  it("costs a call its time, and each event of it is tried again", async () => {
    const ending = new AbortController();
    receiver.answer(null, () => {
      if (receiver.received.length === 2) ending.abort();
    });
    const events = [event, sampleEvent("job-b", 1), sampleEvent("job-b", 2)];
    const results = await notifier().publish(events, { ...context, signal: ending.signal });
    expect(results).toEqual(events.map(() => ({ status: "retry", reason: "no answer in time" })));
    expect(receiver.received.map(({ id }) => id).sort()).toEqual(["job-a:7", "job-b:1"]);
  });

  it("costs no more where memory is collected meanwhile", async () => {
    receiver.answer(null, collectGarbage);
    expect(await publishOne(notifier({ timeoutMs: 200 }), event)).toEqual({
      status: "retry",
      reason: "no answer in time",
    });
  });

  it("costs those that were delivered nothing", async () => {
    const ending = new AbortController();
    for (const id of ["job-a:7", "job-b:3"]) {
      receiver.answer(id, () => {
        if (receiver.received.length === 4) ending.abort();
      });
    }
    const events = [sampleEvent("job-b", 1), event, sampleEvent("job-b", 2), sampleEvent("job-b", 3)];
    const results = await notifier().publish(events, { ...context, signal: ending.signal });
    expect(results.map(({ status: each }) => each)).toEqual(["delivered", "retry", "delivered", "retry"]);
  });

  it.each([
    ["slow headers", "HTTP/1.1 200 OK\r\nx: "],
    ["half a status line", "HTTP/1.1 2"],
    ["nothing at all", ""],
  ])("but with %s is waited for no longer", async (_name, text) => {
    const slow = await rawServer((socket) => {
      socket.write(text);
    });
    const endpoint = { url: `http://127.0.0.1:${slow}/`, secrets: [SECRET] as const };
    expect(await publishOne(notifier({ endpoint, timeoutMs: 200 }), event)).toEqual({
      status: "retry",
      reason: "no answer in time",
    });
  });

  it.each([
    ["what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", /^no answer: HPE_/],
    ["a header as long as a book", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}`, /^no answer: HPE_/],
    ["an end", null, /^no answer: ECONNRESET$/],
    [
      "a change to another protocol",
      "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
      /^no answer$/,
    ],
  ])("but with %s is tried again", async (_name, text, reason) => {
    const odd = await rawServer((socket) => {
      if (text === null) socket.destroy();
      else socket.write(text);
    });
    const endpoint = { url: `http://127.0.0.1:${odd}/`, secrets: [SECRET] as const };
    const result = await publishOne(notifier({ endpoint }), event);
    expect(result).toEqual({ status: "retry", reason: expect.stringMatching(reason) as string });
  });

  it("because nobody listens, or its name is not known, is tried again", async () => {
    const free = await rawServer(() => undefined);
    await opened.pop()?.close();
    const endpoint = { url: `http://127.0.0.1:${free}/CANARY`, secrets: [SECRET] as const };
    expect(await publishOne(notifier({ endpoint }), event)).toEqual({
      status: "retry",
      reason: "no answer: ECONNREFUSED",
    });
    const unknown = notifierOf({ options: { endpoint: { url: "https://CANARY.test/", secrets: [SECRET] } } });
    expect(await publishOne(unknown, event)).toEqual({ status: "retry", reason: "no answer: ENOTFOUND" });
  });
});

describe("connections", () => {
  it("are kept for the next webhook, and one that was closed meanwhile is no failure", async () => {
    const keeping = notifier();
    for (const version of [1, 2, 3]) {
      expect(await publishOne(keeping, sampleEvent("job-a", version))).toEqual({ status: "delivered" });
    }
    expect(receiver.connections()).toBe(1);
    // The receiver closes as soon as it hears more on a connection that it had answered before.
    let answered = 0;
    const closing = await rawServer((socket) => {
      let first = true;
      socket.on("data", () => {
        if (first) socket.write("HTTP/1.1 204 No Content\r\n\r\n");
        else socket.resetAndDestroy();
        first = false;
        answered += 1;
      });
    });
    const endpoint = { url: `http://127.0.0.1:${closing}/`, secrets: [SECRET] as const };
    const again = notifier({ endpoint });
    expect(await publishOne(again, event)).toEqual({ status: "delivered" });
    expect(await publishOne(again, event)).toEqual({ status: "delivered" });
    expect(answered).toBeGreaterThanOrEqual(3);
  });

  it("are not kept for ever: a receiver that never closes them costs nothing a while later", async () => {
    let ended = (): void => undefined;
    const closed = new Promise<void>((resolve) => (ended = resolve));
    const patient = await rawServer((socket) => {
      socket.on("data", () => socket.write("HTTP/1.1 204 No Content\r\n\r\n"));
      socket.on("close", ended);
    });
    const endpoint = { url: `http://127.0.0.1:${patient}/`, secrets: [SECRET] as const };
    const brief = notifierOf({ options: { endpoint, allowLocalReceivers: true }, idleMs: 1 });
    expect(await publishOne(brief, event)).toEqual({ status: "delivered" });
    await closed;
    await brief.close?.();
  });

  it("that turn out to be closed while a body is written are no failure either", async () => {
    const network = openNetwork();
    const agent = new Agent({ keepAlive: true });
    const endpoint = { url: `http://127.0.0.1:${receiver.port}/`, secrets: [SECRET] as const };
    const options = { endpoint, allowLocalReceivers: true };
    const keeping = notifierOn(options, { ...network, agent: () => agent }, fakeClock());
    expect(await publishOne(keeping, event)).toEqual({ status: "delivered" });
    const [idle] = Object.values(agent.freeSockets).flat();
    const broken = vi.fn((_chunk: unknown, _encoding: unknown, done: (error: Error) => void) => {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    });
    idle!._write = broken;
    idle!._writev = (_chunks, done) => {
      broken(null, null, done);
    };
    expect(await publishOne(keeping, event)).toEqual({ status: "delivered" });
    expect([broken.mock.calls.length, receiver.received.length]).toEqual([1, 2]);
    agent.destroy();
    network.close();
  });

  it.each([true, false])(
    "have seconds to reach one address before the next is tried: local %s",
    (isLocal) => {
      const network = openNetwork();
      // Half a world away a handshake takes longer than the quarter of a second that Node has for it.
      expect(network.agent({ url: new URL("https://hooks.example/"), isLocal })).toMatchObject({
        options: { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_500 },
      });
      network.close();
    },
  );

  it("are at most four in a call, and those of one job one after the other", async () => {
    let open = 0;
    let most = 0;
    receiver.answer(null, (response) => {
      most = Math.max(most, (open += 1));
      setImmediate(() => {
        open -= 1;
        response.writeHead(204).end();
      });
    });
    const events = Array.from({ length: 8 }, (_, index) => sampleEvent(`job-${index}`, 1));
    await notifier().publish(events, context);
    expect([receiver.received.length, receiver.connections()]).toEqual([8, 4]);
    expect(most).toBeLessThanOrEqual(4);
  });
});

describe("what the application's functions do", () => {
  const throwing = (): never => {
    throw new Error("CANARY https://user:CANARY@hooks.example");
  };
  it.each([
    ["endpoint throws", { endpoint: throwing }, "endpoint failed"],
    ["endpoint rejects", { endpoint: async () => throwing() }, "endpoint failed"],
    [
      "endpoint hangs",
      { endpoint: () => new Promise(() => undefined), timeoutMs: 100 },
      "endpoint gave nothing in time",
    ],
    ["endpoint is nonsense", { endpoint: () => 7 }, "endpoint must be { url, secrets }."],
    ["endpoint is undefined", { endpoint: () => undefined }, "endpoint must be { url, secrets }."],
    [
      "a secret is none",
      { endpoint: () => ({ url: "https://hooks.example/", secrets: ["CANARY"] }) },
      "secrets[0] must be",
    ],
    ["body throws", { body: throwing }, "body failed"],
    ["body is undefined", { body: () => undefined }, "body failed"],
    ["body is no JSON", { body: () => 1n }, "body failed"],
    ["body is a function", { body: () => () => "CANARY" }, "body failed"],
    ["body says nothing", { body: () => ({ toJSON: () => undefined }) }, "body failed"],
    ["body rejects", { body: async () => throwing() }, "body failed"],
    ["body hangs", { body: () => new Promise(() => undefined), timeoutMs: 100 }, "body gave nothing in time"],
  ])("is tried again, and told without a word of it: %s", async (_name, options, reason) => {
    const result = await publishOne(notifier(options as Partial<WebhookNotifierOptions>), event);
    expect(result).toEqual({ status: "retry", reason: expect.stringContaining(reason) as string });
    expect(JSON.stringify(result)).not.toContain("CANARY");
    expect(receiver.received).toEqual([]);
  });

  it("is not waited for when a job cannot be read", async () => {
    const view = notifier({ body: "view", timeoutMs: 100 });
    const hanging = { view: () => new Promise<never>(() => undefined) };
    expect(await publishOne(view, event, hanging)).toEqual({
      status: "retry",
      reason: "body gave nothing in time",
    });
  });
});

describe("secrets", () => {
  it("stay inside: nothing of metadata, actor, trace, address or keys leaves or is told", async () => {
    const told = {
      ...event,
      metadata: { note: "CANARY" },
      actor: "CANARY",
      trace: { traceparent: "CANARY", tracestate: "CANARY" },
    };
    const endpoint = {
      url: `http://127.0.0.1:${receiver.port}/CANARY?CANARY`,
      secrets: [SECRET] as const,
      headers: { "x-key": "CANARY" },
    };
    for (const body of ["thin", "view"] as const) {
      for (const code of [204, 302, 404, 410, 429, 500]) {
        receiver.answer(null, (response) => {
          response.writeHead(code, { "x-note": "CANARY", location: "/CANARY" }).end("CANARY");
        });
        const made = notifier({ endpoint, body });
        const result = await publishOne(made, told);
        const lane = made.lane?.(told);
        expect(JSON.stringify([result, lane])).not.toMatch(/CANARY|AAECAwQF/);
      }
    }
    expect(receiver.received.length).toBe(12);
    for (const { body, headers } of receiver.received) {
      expect(body).not.toContain("CANARY");
      expect(JSON.stringify({ ...headers, "x-key": "" })).not.toMatch(/CANARY|AAECAwQF/);
    }
  });
});

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** A server below HTTP; its port. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}
