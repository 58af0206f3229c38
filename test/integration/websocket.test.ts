import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectTcp } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { LIVE_PROTOCOL } from "../../src/core/wire/live.js";
import { websocketGateway } from "../../src/transports/websocket/gateway.js";
import { nginxMissing, startNginx } from "../support/nginx-server.js";
import { ended, observeWorld, other, work } from "../unit/observe-world.js";
import { authorizing, type Client, listening, ORIGIN, websocketWorld } from "./websocket-world.js";

const worlds: { end(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.end()));
});

async function open(over: Parameters<typeof websocketWorld>[0] = {}) {
  const world = await websocketWorld(over);
  worlds.push(world);
  return world;
}

/** The next changes of a client, its `ready` left out. */
async function nextChanges(client: Client) {
  for (;;) {
    const frame = await client.next();
    if (frame.type !== "ready") return frame;
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Moves time on in steps that let sockets speak between them. */
async function pass(at: { clock: { advance(ms: number): Promise<void> } }, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await at.clock.advance(1_000);
    await turn();
  }
}

describe("an upgrade", () => {
  it.each([
    ["a page that may connect", { origin: ORIGIN }, 101],
    ["a page that may not", { origin: "https://evil.example" }, 403],
    ["a page that may not, with a good cookie", { origin: "https://evil.example", cookie: "user=ann" }, 403],
    ["a page of no origin", { origin: "null" }, 403],
    ["a sub-domain of one that may", { origin: `${ORIGIN}.evil.example` }, 403],
    ["no browser", {}, 101],
    ["another sub-protocol", { "sec-websocket-protocol": "waybill.jobs.v0" }, 400],
    ["a good credential", { authorization: "Bearer ann" }, 101],
    ["a bad credential", { authorization: "Bearer nobody" }, 401],
    ["a principal without an owner", { authorization: "Bearer without-owner" }, 500],
    ["an authorize that throws", { authorization: "Bearer throws" }, 500],
    ["a host that is none", { host: "a b" }, 400],
  ])("of %s", async (_, headers, status) => {
    const at = await open();
    expect(await at.upgrade(headers as Record<string, string>)).toBe(status);
  });

  it("to another path is refused, or left to whoever takes it", async () => {
    const at = await open();
    expect(await at.upgrade({}, "/elsewhere")).toBe(404);
    const mine = new WebSocketServer({ noServer: true });
    at.server.on("upgrade", (request, socket, head) => {
      if (request.url === "/elsewhere")
        mine.handleUpgrade(request, socket, head, (opened) => {
          opened.close();
        });
    });
    expect([await at.upgrade({}, "/elsewhere"), await at.upgrade({}, "/jobs?x=1")]).toEqual([101, 101]);
  });
});

describe("who is calling", () => {
  it("is known from the upgrade", async () => {
    const at = await open();
    const client = at.connect(null, { headers: { cookie: "user=ann", origin: ORIGIN } });
    expect(await client.next()).toEqual({
      type: "ready",
      heartbeatMs: 25_000,
      maxFrameBytes: 16_384,
      maxSubscriptions: 100,
      expiresInMs: null,
    });
  });

  it("is known from init, which beats what came with the upgrade", async () => {
    const at = await open();
    at.write("anns");
    at.write("beas", { owner: "bea" });
    const client = at.connect("bea", { headers: { cookie: "user=ann" } });
    await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    expect(await nextChanges(client)).toMatchObject({ jobs: [{ id: "beas" }], snapshot: true });
    expect(JSON.stringify(client.texts)).not.toContain("anns");
  });

  it.each([["nobody"], ["expired"], ["a\nb"]])(
    "is asked again with 4401 after the token %o",
    async (token) => {
      const at = await open();
      expect(await at.connect(token).closed).toBe(4401);
    },
  );

  it.each([["without-owner"], ["throws"]])("is a trouble of ours with the token %o", async (token) => {
    const at = await open();
    expect(await at.connect(token).closed).toBe(1011);
  });

  it("must be said within 10 s, and before anything is asked for", async () => {
    const at = await open();
    const silent = at.connect(null);
    const early = at.connect(null);
    await early.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    expect(await early.closed).toBe(4401);
    await silent.opened;
    await pass(at, 11_000);
    expect(await silent.closed).toBe(4408);
  });

  it("ends with the credential, unless it is renewed", async () => {
    const at = await open();
    const lazy = at.connect("ann-for-a-minute");
    const eager = at.connect("ann-for-a-minute");
    const swapped = at.connect("ann-for-a-minute");
    const raised = at.connect("ann-for-a-minute");
    for (const client of [lazy, eager, swapped, raised]) {
      expect(await client.next()).toMatchObject({ type: "ready", expiresInMs: 60_000 });
    }
    await eager.send({ type: "renew", token: "ann" });
    expect(await eager.next()).toMatchObject({ type: "ready", expiresInMs: null });
    await swapped.send({ type: "renew", token: "bea" });
    await raised.send({ type: "renew", token: "operator" });
    expect([await swapped.closed, await raised.closed]).toEqual([4401, 4401]);
    await pass(at, 61_000);
    expect(await lazy.closed).toBe(4401);
    expect(eager.socket.readyState).toBe(1);
  });

  it("gives nobody a byte of another by a credential that is swapped, nor a byte of their own by one that has ended", async () => {
    const at = await open();
    at.write("anns");
    at.write("beas", { owner: "bea" });
    const swapped = at.connect("ann-for-a-minute");
    const lazy = at.connect("ann-for-a-minute");
    const eager = at.connect("ann-for-a-minute");
    for (const client of [swapped, lazy, eager]) {
      await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
      expect(await nextChanges(client)).toMatchObject({ jobs: [{ id: "anns" }] });
    }
    // What is asked for while it is found out who asks waits, and goes with the connection.
    await swapped.send({ type: "renew", token: "bea" });
    await swapped.send({ type: "subscribe", id: "t", filter: { owner: "self" }, known: { beas: 1 } });
    await swapped.send({ type: "subscribe", id: "u", filter: { jobId: "beas" } });
    expect(await swapped.closed).toBe(4401);
    await eager.send({ type: "renew", token: "ann" });
    expect(await eager.next()).toMatchObject({ type: "ready", expiresInMs: null });
    await pass(at, 61_000);
    expect(await lazy.closed).toBe(4401);
    const told = lazy.texts.length;
    at.put("beas", { owner: "bea" });
    at.put("anns");
    expect(await eager.next()).toMatchObject({ id: "s", jobs: [{ id: "anns", version: 2 }] });
    await turn();
    expect(lazy.texts).toHaveLength(told);
    expect([swapped, lazy, eager].flatMap(({ texts }) => texts).join()).not.toMatch(/beas|"bea"/);
  });

  it("has 100 connections, and no more", async () => {
    const at = await open();
    const many = Array.from({ length: 100 }, () => at.connect("ann", { onUpgrade: true }));
    await Promise.all(many.map((client) => client.next()));
    expect(await at.connect("ann", { onUpgrade: true }).closed).toBe(4429);
    expect(await at.connect("ann").closed).toBe(4429);
    expect(await at.connect("bea").next()).toMatchObject({ type: "ready" });
    many[0]!.socket.close();
    await many[0]!.closed;
    await turn();
    expect(await at.connect("ann").next()).toMatchObject({ type: "ready" });
  });
});

describe("a room", () => {
  it("of one job tells it as it is, its versions, and its end", async () => {
    const at = await open();
    at.write("a");
    const client = at.connect("ann");
    await client.send({ type: "subscribe", id: "s", filter: { jobId: "a" } });
    expect(await nextChanges(client)).toMatchObject({
      type: "changes",
      id: "s",
      jobs: [{ id: "a", status: "PENDING", version: 1, createdAt: expect.any(String) }],
      gone: [],
      snapshot: true,
      reset: false,
    });
    at.put("a", ended("COMPLETED", at.clock.now()), JSON.stringify({ done: "yes" }));
    expect(await client.next()).toMatchObject({ jobs: [{ status: "COMPLETED", output: { done: "yes" } }] });
    expect(await client.next()).toEqual({ type: "complete", id: "s" });
    // The id is free again.
    await client.send({ type: "subscribe", id: "s", filter: { jobId: "a" }, known: { a: 2 } });
    expect(await client.next()).toMatchObject({
      jobs: [{ version: 2 }],
      gone: [],
      snapshot: true,
      reset: false,
    });
    expect(await client.next()).toEqual({ type: "complete", id: "s" });
    await client.send({ type: "subscribe", id: "s", filter: { jobId: "a" }, known: { a: 7, b: 1 } });
    expect(await client.next()).toMatchObject({ jobs: [{ version: 2 }], gone: ["b"], reset: true });
    expect(await client.next()).toEqual({ type: "complete", id: "s" });
    await turn();
    expect(at.listeners.size).toBe(0);
  });

  it("of an owner tells nothing first where there is nothing, and is left when asked", async () => {
    const at = await open();
    const client = at.connect("ann");
    await client.send({
      type: "subscribe",
      id: "s",
      filter: { owner: "self", kind: "sample.work", subject: "doc" },
    });
    const empty = { type: "changes", id: "s", jobs: [], gone: [], snapshot: true, reset: false };
    expect(await nextChanges(client)).toEqual(empty);
    at.put("a", { subject: "doc" });
    at.put("b", { subject: "other" });
    expect(await client.next()).toMatchObject({ jobs: [{ id: "a" }] });
    await client.send({ type: "unsubscribe", id: "s" });
    await client.send({ type: "unsubscribe", id: "never" });
    await client.send({ type: "ping" });
    expect(await client.next()).toEqual({ type: "pong" });
    at.put("a", { status: "QUEUED" });
    await client.send({ type: "ping" });
    expect(await client.next()).toEqual({ type: "pong" });
    expect(at.listeners.size).toBe(0);
  });

  it("that is larger than a frame comes in parts", async () => {
    const at = await open();
    for (let index = 0; index < 100; index += 1) {
      at.write(`job-${index}`, { ...ended("COMPLETED", 1) }, JSON.stringify({ done: "x".repeat(10_000) }));
    }
    const client = at.connect("ann");
    await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    const parts = [await nextChanges(client)];
    while (parts.at(-1)!["more"] === true) parts.push(await client.next());
    expect(parts.length).toBeGreaterThan(10);
    expect(parts.every(({ snapshot }) => snapshot === true)).toBe(true);
    expect(Math.max(...client.texts.map(({ length }) => length))).toBeLessThan(80_000);
    const ids = parts.flatMap(({ jobs }) => jobs as { id: string }[]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(100);
  });

  it("that cannot be read is over, and may be asked for again", async () => {
    const at = await open();
    at.trouble.reads = true;
    const client = at.connect("ann");
    await client.send({ type: "subscribe", id: "s", filter: { jobId: "a" } });
    expect(await nextChanges(client)).toMatchObject({
      type: "error",
      id: "s",
      error: { code: "system_error", retryable: true },
    });
    at.trouble.reads = false;
    await client.send({ type: "subscribe", id: "s", filter: { jobId: "a" } });
    expect(await client.next()).toMatchObject({ snapshot: true, gone: ["a"] });
  });

  it("of two hundred sockets on one job costs one read a change", async () => {
    const at = await open({
      authorize: ({ headers }) => ({ owner: headers.get("x-user") ?? "", sees: "all" }),
    });
    at.write("a", { status: "QUEUED" });
    const clients: Client[] = [];
    for (let user = 0; user < 2; user += 1) {
      const some = Array.from({ length: 100 }, () =>
        at.connect(null, { headers: { "x-user": `user-${user}` } }),
      );
      await Promise.all(
        some.map((client) => client.send({ type: "subscribe", id: "s", filter: { jobId: "a" } })),
      );
      clients.push(...some);
    }
    for (const client of clients) expect(await nextChanges(client)).toMatchObject({ jobs: [{ version: 1 }] });
    at.reads.length = 0;
    at.put("a", { status: "PROCESSING" });
    for (const client of clients) expect(await client.next()).toMatchObject({ jobs: [{ version: 2 }] });
    expect(at.reads).toHaveLength(1);
  });
});

describe("what is somebody else's", () => {
  it("is as unknown as what is not there, byte for byte, whatever is asked", async () => {
    const at = await open();
    const canary = { owner: "bea", subject: "canary-subject" };
    at.write("hers", canary);
    at.write("hidden-kind", { kind: "sample.other" });
    const client = at.connect("ann");
    const ask = async (filter: object, known: object = {}): Promise<string> => {
      await client.send({ type: "subscribe", id: "s", filter, known });
      await nextChanges(client);
      await client.send({ type: "unsubscribe", id: "s" });
      return client.texts.at(-1)!;
    };
    const none = await ask({ jobId: "none" });
    expect(none.replaceAll("none", "hers")).toBe(await ask({ jobId: "hers" }));
    expect(none.replaceAll("none", "hidden-kind")).toBe(await ask({ jobId: "hidden-kind" }));
    expect(none.replaceAll("none", "not an id")).toBe(await ask({ jobId: "not an id" }));
    const resumed = await ask({ owner: "self" }, { none: 1 });
    expect(resumed.replaceAll("none", "hers")).toBe(await ask({ owner: "self" }, { hers: 1 }));
    expect(await ask({ owner: "self", subject: "nothing" })).toBe(
      await ask({ owner: "self", subject: "canary-subject" }),
    );
    const forbidden = [
      [{ owner: "any" }, "subscribe.forbidden"],
      [{ owner: "bea" }, "subscribe.invalid"],
      [{ owner: "*" }, "subscribe.invalid"],
      [{ owner: null }, "subscribe.invalid"],
      [{ owner: ["self", "bea"] }, "subscribe.invalid"],
      [{ owner: "self", ownerId: "bea" }, "subscribe.invalid"],
      [{ jobId: "hers", owner: "any" }, "subscribe.invalid"],
      [{ owner: "self", kind: "sample.other" }, "subscribe.invalid"],
      [{ owner: "self", kind: "sample.none" }, "subscribe.invalid"],
      [{ subject: "canary-subject" }, "subscribe.invalid"],
      [{}, "subscribe.invalid"],
    ] as const;
    for (const [filter, code] of forbidden) expect(await ask(filter)).toContain(`"code":"${code}"`);
    at.put("hers", canary);
    await turn();
    expect(JSON.stringify(client.texts)).not.toContain("canary");
  });

  it("is seen by who sees all", async () => {
    const at = await open();
    at.write("anns");
    at.write("beas", { owner: "bea" });
    const client = at.connect("operator");
    await client.send({ type: "subscribe", id: "s", filter: { owner: "any" } });
    const { jobs } = (await nextChanges(client)) as unknown as { jobs: { id: string }[] };
    expect(jobs.map(({ id }) => id).sort()).toEqual(["anns", "beas"]);
    await client.send({ type: "subscribe", id: "t", filter: { jobId: "beas" } });
    expect(await client.next()).toMatchObject({ id: "t", jobs: [{ id: "beas" }] });
  });
});

describe("a client that is wrong", () => {
  it.each([
    ["no JSON", "{", 4400],
    ["no object", "7", 4400],
    ["an unknown type", '{"type":"shout"}', 4400],
    ["bytes", Buffer.from('{"type":"ping"}'), 4400],
    ["an init after a room", { type: "init", token: "bea" }, 4400],
    ["a subscription without an id", { type: "subscribe", filter: { owner: "self" } }, 4400],
    ["an id in use", { type: "subscribe", id: "s", filter: { owner: "self" } }, 4409],
    ["a frame that is too large", "x".repeat(16_385), 1009],
  ])("with %s is closed", async (_, frame, code) => {
    const at = await open();
    const client = at.connect("ann");
    await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    await nextChanges(client);
    await client.send(frame);
    expect(await client.closed).toBe(code);
  });

  it("with more than 100 rooms is refused the next", async () => {
    const at = await open();
    const client = at.connect("ann");
    for (let index = 0; index <= 100; index += 1) {
      await client.send({ type: "subscribe", id: `s${index}`, filter: { jobId: `job-${index}` } });
    }
    const frames = [];
    for (let index = 0; index <= 100; index += 1) frames.push(await nextChanges(client));
    expect(frames.filter(({ type }) => type === "changes")).toHaveLength(100);
    expect(frames.filter(({ type }) => type === "error")).toMatchObject([
      { id: "s100", error: { code: "subscribe.too_many", retryable: false } },
    ]);
  });

  it("that floods is closed", async () => {
    const at = await open();
    const client = at.connect("ann");
    for (let index = 0; index < 210; index += 1) await client.send({ type: "ping" });
    expect(await client.closed).toBe(4429);
  });
});

/** A client that upgrades, asks, and then reads no byte more and answers nothing. */
async function stalled(port: number, asks: readonly object[]) {
  const socket = connectTcp(port, "127.0.0.1");
  const head = [
    "GET /jobs HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    `Sec-WebSocket-Protocol: ${LIVE_PROTOCOL}`,
    "Authorization: Bearer ann",
    "",
    "",
  ];
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) =>
    socket.once("close", () => {
      resolve();
    }),
  );
  socket.write(head.join("\r\n"));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  for (const ask of asks) {
    const text = Buffer.from(JSON.stringify(ask));
    // Masked with zeros: the text stays as it is.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  }
  return { socket, closed };
}

describe("a slow or silent client", () => {
  it("that answers no ping is cut off", async () => {
    const at = await open();
    const { socket, closed } = await stalled(at.port, []);
    socket.resume();
    const healthy = at.connect("ann");
    await healthy.next();
    await pass(at, 80_000);
    await closed;
    expect(healthy.socket.readyState).toBe(1);
  });

  it("holds up nobody and little memory, is told the newest, and is closed in the end", async () => {
    const at = await open();
    const filter = { owner: "self" };
    for (let index = 0; index < 20; index += 1) at.write(`job-${index}`);
    const slow = await stalled(at.port, [{ type: "subscribe", id: "s", filter }]);
    const healthy = at.connect("ann");
    await healthy.send({ type: "subscribe", id: "s", filter });
    await nextChanges(healthy);
    const message = "x".repeat(20_000);
    // 12 MB of versions, far more than sockets hold by themselves.
    for (let round = 0; round < 30; round += 1) {
      for (let index = 0; index < 20; index += 1) {
        const output = JSON.stringify({ done: message });
        at.put(`job-${index}`, ended("COMPLETED", 1), output);
      }
      await at.clock.settle();
      await turn();
    }
    await at.clock.settle();
    let newest = 0;
    while (newest < 31) {
      const { jobs } = (await healthy.next()) as unknown as { jobs: { version: number }[] };
      newest = Math.max(newest, ...jobs.map(({ version }) => version));
    }
    await pass(at, 40_000);
    slow.socket.resume();
    await slow.closed;
    expect(slow.socket.bytesRead).toBeLessThan(6_000_000);
    expect(healthy.socket.readyState).toBe(1);
  });
});

describe.skipIf(nginxMissing() !== null)("behind nginx", () => {
  it("is not cut off while nothing changes: its pings are signs of life", async () => {
    const at = await open();
    at.write("a");
    // Takes sockets, and says nothing over them: what a proxy makes of that.
    const mute = new WebSocketServer({ noServer: true });
    at.server.on("upgrade", (request, socket, head) => {
      if (request.url === "/mute") mute.handleUpgrade(request, socket, head, () => undefined);
    });
    const upstream = `http://127.0.0.1:${at.port}`;
    const proxy = await startNginx({ upstream, readTimeoutS: 3, upgrades: true });
    worlds.push({ end: () => proxy.stop() });
    const address = proxy.url.replace("http", "ws");
    const headers = { authorization: "Bearer ann" };
    const client = new WebSocket(`${address}/jobs`, LIVE_PROTOCOL, { headers });
    const heard: string[] = [];
    client.on("message", (data: Buffer) => heard.push(data.toString()));
    await once(client, "open");
    const link = [...at.upgraded].at(-1)!;
    client.send(JSON.stringify({ type: "subscribe", id: "s", filter: { jobId: "a" } }));
    const silent = new WebSocket(`${address}/mute`);
    let cut = false;
    const isCut = (): boolean => cut;
    const ended = once(silent, "close").then(() => (cut = true));
    // A ping each time, until the proxy has lost patience with what says nothing.
    while (!isCut()) {
      const answered = once(link, "data");
      await at.clock.advance(26_000);
      await answered;
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    at.put("a", { status: "QUEUED" });
    await vi.waitFor(() => {
      expect(heard.at(-1)).toContain('"status":"QUEUED"');
    }, 20_000);
    client.terminate();
  });
});

describe("closing", () => {
  it("takes nobody any more and spreads its closes over 5 s", async () => {
    const at = await open();
    const clients = Array.from({ length: 10 }, () => at.connect("ann"));
    await Promise.all(clients.map((client) => client.next()));
    const codes: number[] = [];
    for (const client of clients) void client.closed.then((code) => codes.push(code));
    const closed = at.gateway.close();
    await pass(at, 1_000);
    expect(await at.upgrade({})).toBe(503);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.length).toBeLessThan(5);
    await pass(at, 5_000);
    await closed;
    await Promise.all(clients.map((client) => client.closed));
    expect(codes).toEqual(Array.from({ length: 10 }, () => 1001));
    expect(at.server.listenerCount("upgrade")).toBe(0);
    await at.gateway.close();
  });

  it("of its Waybill is told as a trouble that passes", async () => {
    const at = await open();
    const client = at.connect("ann");
    await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    await nextChanges(client);
    await at.clock.runUntil(at.waybill.close());
    expect(await client.next()).toMatchObject({ type: "error", error: { code: "system_error" } });
    await client.send({ type: "subscribe", id: "s", filter: { owner: "self" } });
    expect(await client.next()).toMatchObject({ type: "error", error: { code: "system_error" } });
  });
});

describe("a gateway", () => {
  const { waybill, clock } = observeWorld();
  const good = { kinds: [work, other], authorize: authorizing(clock), allowedOrigins: [] };
  it.each([
    ["authorize", { ...good, authorize: undefined }],
    ["kinds", { ...good, kinds: undefined }],
    ["kinds", { ...good, kinds: [] }],
    ["kinds[0]", { ...good, kinds: [{}] }],
    ["sample.none", { ...good, kinds: [{ kind: "sample.none" }] }],
    ["allowedOrigins", { ...good, allowedOrigins: undefined }],
    [
      "allowedOrigins[0] must be an origin such as https://app.example",
      { ...good, allowedOrigins: ["https://a.example/"] },
    ],
    ["allowedOrigins[1]", { ...good, allowedOrigins: ["https://a.example", "*"] }],
    ["allowedOrigins[0]", { ...good, allowedOrigins: ["null"] }],
    ["path", { ...good, path: "jobs" }],
    ["Did you mean allowedOrigins", { ...good, allowedOrigin: [] }],
  ])("is refused at once: %s", (sentence, options) => {
    expect(() => websocketGateway(waybill, options as never)).toThrow(sentence);
  });

  it("takes kinds of its composition only, by type, and listens where it is attached", async () => {
    const gateway = websocketGateway(waybill, good);
    const stranger = { ...work, kind: "sample.none" as const };
    // @ts-expect-error -- a kind that is not of the composition
    expect(() => websocketGateway(waybill, { ...good, kinds: [stranger] })).toThrow("sample.none");
    // @ts-expect-error -- a principal needs an owner
    websocketGateway(waybill, { ...good, authorize: () => ({ actor: "ann" }) });
    const server = createServer();
    const detach = gateway.attach(server);
    await listening(server);
    expect(server.listenerCount("upgrade")).toBe(1);
    detach();
    expect(server.listenerCount("upgrade")).toBe(0);
    await gateway.close();
    server.close();
  });
});
