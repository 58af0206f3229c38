import { expect, it } from "vitest";
import type { Client, ClientOptions } from "../../src/client/api.js";
import { openClient } from "../../src/client/create-client.js";
import type { AnyDef } from "../../src/core/define/any-def.js";
import { FakeServer, loadHttpLink, viewOf } from "./client-server.js";

function open(server: FakeServer, options: Partial<ClientOptions<AnyDef>> = {}): Client<AnyDef> {
  const { fetch, WebSocket, env } = server;
  return openClient<AnyDef>(
    { baseUrl: "https://server/jobs/", fetch, WebSocket, ...options },
    env,
    loadHttpLink,
  );
}

/** A client that follows one job, with the states that its connection went through. */
async function following(server: FakeServer, options: Partial<ClientOptions<AnyDef>> = {}) {
  const client = open(server, options);
  const job = client.job("document.ingest", "a");
  const states: string[] = [];
  client.connection.subscribe(() => {
    const { state, transport } = client.connection.getSnapshot();
    const said = `${state} ${transport}`;
    if (states.at(-1) !== said) states.push(said);
  });
  const stop = job.subscribe(() => {});
  await server.clock.settle();
  return { client, job, states, stop, version: () => job.getSnapshot().job?.version };
}

it("takes the next way after three failures within 30 s, and the better one again when it works", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  server.webSockets = "down";
  const { states, version, job } = await following(server);
  await server.clock.advance(5_000);
  expect([server.opened, states, job.getSnapshot().state, version()]).toEqual([
    3,
    ["connecting websocket", "connecting sse", "live sse"],
    "live",
    1,
  ]);
  // Tried once soon, since it may have been the server that was away; then every five minutes.
  await server.clock.advance(10_000);
  expect(server.opened).toBe(4);
  await server.clock.advance(290_000);
  expect(server.opened).toBe(4);
  server.webSockets = "up";
  await server.clock.advance(11_000);
  expect(states.slice(-2)).toEqual(["live sse", "live websocket"]);
  expect([server.streams.size, server.sockets.size]).toEqual([0, 1]);
  server.put({ id: "a" });
  await server.clock.settle();
  expect(version()).toBe(2);
});

it("finds out within 10 s that a WebSocket is swallowed, and within 5 s that an event stream is held back", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  server.webSockets = "mute";
  server.eventStreams = "buffered";
  const { states, version, job } = await following(server);
  await server.clock.advance(10_600);
  expect(states.at(-1)).toBe("connecting sse");
  await server.clock.advance(6_000);
  expect([states.at(-1), job.getSnapshot().state, version()]).toEqual(["polling long-poll", "polling", 1]);
  server.put({ id: "a" });
  await server.clock.advance(1_000);
  expect(version()).toBe(2);
});

it("polls by Retry-After where nothing else works", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server, { transports: ["poll"] });
  const [job, list] = [client.job("document.ingest", "a"), client.jobs()];
  job.subscribe(() => {});
  await server.clock.settle();
  expect(client.connection.getSnapshot()).toMatchObject({
    state: "polling",
    transport: "poll",
    pollMs: 2_000,
  });
  await server.clock.advance(4_000);
  expect(server.requests.map(({ path }) => path)).toEqual(["/a", "/a", "/a"]);
  expect(server.requests.map(({ headers }) => headers.get("if-none-match"))).toEqual([
    null,
    'W/"a.1"',
    'W/"a.1"',
  ]);
  list.subscribe(() => {});
  await server.clock.advance(4_000);
  expect(list.getSnapshot()).toMatchObject({ state: "polling", jobs: [{ id: "a" }] });
  server.jobs.delete("a");
  await server.clock.advance(5_000);
  expect([job.getSnapshot(), list.getSnapshot()]).toEqual([
    { state: "missing", job: null },
    { state: "polling", jobs: [] },
  ]);
});

it("uses no WebSocket where there is none, and no stream where bodies do not stream", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  server.eventStreams = "unknown";
  const { states } = await following(server, { transports: ["sse", "poll"] });
  await server.clock.advance(1_000);
  expect([states.at(-1), server.opened]).toEqual(["polling poll", 0]);
});

it("replaces a socket that says open and answers no ping within 5 s, as soon as the page is seen again", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { client, version } = await following(server);
  for (const socket of server.sockets) socket.blackHoled = true;
  server.put({ id: "a" });
  await server.clock.advance(1_000);
  server.signal();
  await server.clock.advance(4_900);
  expect([server.opened, version()]).toEqual([1, 1]);
  await server.clock.advance(1_000);
  expect([server.opened, version(), client.connection.getSnapshot().state]).toEqual([2, 2, "live"]);
});

it("notices a silent socket by itself, and leaves a way on which two in a row fall silent", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { states } = await following(server);
  for (const socket of server.sockets) socket.blackHoled = true;
  await server.clock.advance(31_000);
  expect([server.opened, states.at(-1)]).toEqual([2, "live websocket"]);
  for (const socket of server.sockets) socket.blackHoled = true;
  await server.clock.advance(31_000);
  expect([server.opened, states.at(-1)]).toEqual([2, "live sse"]);
});

it("keeps a quiet socket that answers", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { states } = await following(server);
  await server.clock.advance(3_600_000);
  expect([server.opened, states]).toEqual([1, ["connecting websocket", "live websocket"]]);
});

it.each(["websocket", "sse"] as const)(
  "finds out within 10 s that the network is gone, though the first that was asked was still answered, %s",
  async (transport) => {
    const server = new FakeServer();
    server.put({ id: "a" });
    const { states } = await following(server, { transports: [transport] });
    server.offline = true;
    server.signal();
    await server.clock.settle();
    server.road = () => {};
    server.mode = "down";
    await server.clock.advance(10_000);
    expect(states).toEqual([`connecting ${transport}`, `live ${transport}`, `offline ${transport}`]);
  },
);

it("backs off with full jitter between 0.25 and 30 s, and tries at once when the network is back", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { client, states } = await following(server, { transports: ["websocket"] });
  server.mode = "down";
  server.offline = true;
  server.kill();
  server.random = () => 1;
  const gaps: number[] = [];
  let [opened, at] = [server.opened, server.clock.now()];
  while (gaps.length < 9) {
    await server.clock.advance(250);
    if (server.opened === opened) continue;
    gaps.push((server.clock.now() - at) / 1000);
    [opened, at] = [server.opened, server.clock.now()];
  }
  expect(gaps).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
  expect(states.at(-1)).toBe("offline websocket");
  expect(client.connection.getSnapshot().heardAt).toEqual(new Date(0));
  server.mode = "up";
  server.offline = false;
  server.signal();
  await server.clock.settle();
  expect(states.at(-1)).toBe("live websocket");
});

it("comes back from an outage of everything to the best way within seconds of coming back", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { states, version } = await following(server);
  server.mode = "down";
  server.kill();
  await server.clock.advance(120_000);
  server.mode = "up";
  server.put({ id: "a" });
  await server.clock.advance(31_000);
  expect(version()).toBe(2);
  await server.clock.advance(11_000);
  expect(states.at(-1)).toBe("live websocket");
});

it("asks for a fresh token when one is refused, tries once more, and then says so", async () => {
  const server = new FakeServer();
  server.webSockets = "denied";
  let tokens = 0;
  const accessToken = (): string => `t${(tokens += 1)}`;
  const { client, job, states } = await following(server, { accessToken });
  await server.clock.advance(60_000);
  expect(server.heard.filter(({ type }) => type === "init").map(({ token }) => token)).toEqual(["t1", "t2"]);
  expect([server.opened, states.at(-1)]).toEqual([2, "refused websocket"]);
  expect(job.getSnapshot()).toMatchObject({ state: "error", error: { code: "access.denied" } });
  // Whoever signs in again comes back to the page, or opens another.
  server.webSockets = "up";
  client.jobs().subscribe(() => {});
  await server.clock.settle();
  expect([states.at(-1), job.getSnapshot().state]).toEqual(["live websocket", "missing"]);
});

it("does not try again what is wrong with itself, but another way", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  server.webSockets = "refused";
  const { states } = await following(server);
  await server.clock.advance(5_000);
  expect([server.opened, states.at(-1)]).toEqual([1, "live sse"]);
});

it("lets go of an event stream while nobody looks, and reads again when it is seen", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const { job, version } = await following(server, { transports: ["sse"] });
  server.hidden = true;
  server.signal();
  await server.clock.settle();
  server.put({ id: "a" });
  await server.clock.advance(600_000);
  expect([server.streams.size, job.getSnapshot().state, version()]).toEqual([0, "reconnecting", 1]);
  server.hidden = false;
  server.signal();
  await server.clock.settle();
  expect([server.streams.size, job.getSnapshot().state, version()]).toEqual([1, "live", 2]);
});

it("holds no more than three streams, and polls for the rest", async () => {
  const server = new FakeServer();
  const client = open(server, { transports: ["sse"] });
  for (const id of ["a", "b", "c", "d", "e"]) {
    server.put({ id });
    client.job("document.ingest", id).subscribe(() => {});
  }
  await server.clock.settle();
  expect(server.streams.size).toBe(3);
  server.put({ id: "e" });
  await server.clock.advance(2_000);
  expect(client.job("document.ingest", "e").getSnapshot()).toMatchObject({
    state: "polling",
    job: { version: 2 },
  });
});

it("gives a stream that is free again to what was polled", async () => {
  const server = new FakeServer();
  const client = open(server, { transports: ["sse"] });
  const follow = (id: string): (() => void) => {
    server.put({ id });
    return client.job("document.ingest", id).subscribe(() => {});
  };
  const before = ["a", "b", "c"].map(follow);
  await server.clock.settle();
  // One page takes the place of another.
  ["d", "e"].map(follow);
  for (const stop of before) stop();
  await server.clock.settle();
  expect(server.streams.size).toBe(2);
  for (const id of ["d", "e"])
    expect(client.job("document.ingest", id).getSnapshot()).toMatchObject({ state: "live", job: { id } });
});

it.each(["poll", "long-poll"] as const)(
  "shows again what was away for a moment, though its version is the same, %s",
  async (way) => {
    const server = new FakeServer();
    const view = server.put({ id: "a" });
    const { job } = await following(server, { transports: [way] });
    server.jobs.clear();
    await server.clock.advance(25_000);
    expect(job.getSnapshot()).toEqual({ state: "missing", job: null });
    server.jobs.set("a", view);
    await server.clock.advance(25_000);
    expect(job.getSnapshot()).toMatchObject({ state: "polling", job: { version: 1 } });
  },
);

it("asks to be kept waiting for news only when it knows something: the browser's cache may know it too", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  await following(server, { transports: ["long-poll"] });
  await server.clock.advance(30_000);
  expect(
    server.requests.slice(0, 2).map(({ headers }) => [headers.get("if-none-match"), headers.get("prefer")]),
  ).toEqual([
    [null, null],
    ['W/"a.1"', "wait=20"],
  ]);
});

it("does not ask without a pause where somebody between rewrites the tags", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const rewriting: typeof fetch = async (input, init) => {
    if (server.requests.length > 50) return new Promise(() => {});
    const answer = await server.fetch(input, init);
    answer.headers.set("etag", 'W/"a.1-gzip"');
    return answer;
  };
  await following(server, { transports: ["long-poll"], fetch: rewriting });
  await server.clock.advance(20_000);
  expect(server.requests.length).toBeLessThan(15);
});

it.each(["sse", "long-poll", "poll"] as const)(
  "lets what the server refuses about one store be the matter of that store, %s",
  async (way) => {
    const server = new FakeServer();
    server.put({ id: "a" });
    const refusing: typeof fetch = async (input, init) =>
      (input as string).includes("subject=")
        ? Response.json({ code: "request.malformed", detail: "No." }, { status: 400 })
        : server.fetch(input, init);
    const { client, job, version } = await following(server, { transports: [way], fetch: refusing });
    const wrong = client.latest("document.ingest", "");
    wrong.subscribe(() => {});
    await server.clock.advance(1_000);
    server.put({ id: "a" });
    await server.clock.advance(5_000);
    expect(wrong.getSnapshot()).toMatchObject({
      state: "error",
      error: { code: "server.error", status: 400 },
    });
    expect([version(), job.getSnapshot().state]).toEqual([2, way === "sse" ? "live" : "polling"]);
  },
);

it.each(["sse", "poll"] as const)(
  "lets a job that the server cannot show keep nobody from the others, and shows it once it can, %s",
  async (way) => {
    const server = new FakeServer();
    server.put({ id: "a" });
    server.put({ id: "b" });
    let isCorrupt = true;
    const failing: typeof fetch = async (input, init) =>
      isCorrupt && (input as string).includes("/jobs/b")
        ? Response.json({ code: "internal_error", detail: "No." }, { status: 500 })
        : server.fetch(input, init);
    const { client, job, states } = await following(server, { transports: [way], fetch: failing });
    const corrupt = client.job("document.ingest", "b");
    corrupt.subscribe(() => {});
    await server.clock.advance(60_000);
    expect(corrupt.getSnapshot()).toMatchObject({ state: "error", error: { retryable: true, status: 500 } });
    const fresh = way === "sse" ? "live" : "polling";
    expect([states, job.getSnapshot().state]).toEqual([[`connecting ${way}`, `${fresh} ${way}`], fresh]);
    isCorrupt = false;
    await server.clock.advance(5_000);
    expect(corrupt.getSnapshot()).toMatchObject({ state: fresh, job: { id: "b" } });
  },
);

it("goes another way where a WebSocket may not even be made", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  class Forbidden extends server.WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      throw new DOMException("The page may not.", "SecurityError");
    }
  }
  const { states, job } = await following(server, { WebSocket: Forbidden });
  await server.clock.advance(20_000);
  expect([states.at(-1), job.getSnapshot().state]).toEqual(["live sse", "live"]);
});

it("renews a token before it expires, and says what it knows when it connects again", async () => {
  const server = new FakeServer();
  server.put({ id: "a", version: 4 });
  let tokens = 0;
  await following(server, { accessToken: async () => `t${(tokens += 1)}` });
  for (const socket of server.sockets) {
    socket.say({ type: "ready", heartbeatMs: 25_000, expiresInMs: 100_000 });
  }
  await server.clock.advance(80_000);
  expect(server.heard.filter(({ token }) => token).map(({ type, token }) => [type, token])).toEqual([
    ["init", "t1"],
    ["renew", "t2"],
  ]);
  server.kill(1001);
  await server.clock.advance(1_000);
  expect(server.heard.filter(({ type }) => type === "subscribe").at(-1)).toMatchObject({
    known: { a: 4 },
    filter: { jobId: "a", kind: "document.ingest" },
  });
});

it("asks no timer for more than timers can do: one that is too long would fire at once, and renew for ever", async () => {
  const server = new FakeServer();
  const asked: number[] = [];
  const { clock } = server;
  const timer = (ms: number, run: () => void): (() => void) => {
    asked.push(ms);
    return clock.timer(ms, run);
  };
  const env = { ...server.env, clock: { now: () => clock.now(), defer: clock.defer.bind(clock), timer } };
  const client = openClient<AnyDef>(
    { baseUrl: "https://server/jobs", accessToken: "t", fetch: server.fetch, WebSocket: server.WebSocket },
    env,
    loadHttpLink,
  );
  client.jobs().subscribe(() => {});
  await clock.settle();
  for (const socket of server.sockets) {
    socket.say({ type: "ready", heartbeatMs: 25_000, expiresInMs: 90 * 86_400_000 });
  }
  await clock.settle();
  expect(Math.max(...asked)).toBeGreaterThan(86_400_000);
  expect(Math.max(...asked)).toBeLessThan(2 ** 31);
});

it.each(["websocket", "sse"] as const)(
  "reads again what a road that seemed whole has lost, %s",
  async (way) => {
    const server = new FakeServer();
    server.put({ id: "a" });
    const { version } = await following(server, { transports: [way] });
    server.road = () => {};
    server.put({ id: "a" });
    await server.clock.settle();
    server.road = (deliver) => {
      server.clock.defer(deliver);
    };
    expect(version()).toBe(1);
    await server.clock.advance(75_000);
    expect(version()).toBe(2);
  },
);

it("follows a store that lost writes back, over event streams and polls too", async () => {
  for (const transport of ["sse", "poll"] as const) {
    const server = new FakeServer();
    server.put({ id: "a", version: 8 });
    const client = open(server, { transports: [transport] });
    const store = client.jobs();
    const resets: boolean[] = [];
    store.subscribe(({ reset }) => resets.push(reset));
    await server.clock.settle();
    server.jobs.set("a", { ...server.put({ id: "a", version: 9 }), version: 3 });
    for (const stream of server.streams) stream.end();
    await server.clock.advance(6_000);
    expect([transport, store.getSnapshot().jobs[0]?.version, resets.at(-1)]).toEqual([transport, 3, true]);
  }
});

it("follows a store that lost writes and gave their versions again, and asks no more than it must", async () => {
  const server = new FakeServer();
  server.put({ id: "a", version: 9, status: "PROCESSING" });
  const { job } = await following(server);
  server.jobs.set("a", viewOf({ id: "a", version: 9, status: "COMPLETED" }));
  const before = server.heard.length;
  server.tell();
  await server.clock.advance(1_500);
  expect(job.getSnapshot()).toMatchObject({ state: "final", job: { status: "COMPLETED", version: 9 } });
  expect(server.heard.slice(before).map(({ type, known }) => [type, known])).toEqual([
    ["subscribe", undefined],
  ]);
});

it("is told of the page by whatever the surroundings have, and runs where they have nothing", async () => {
  const { surroundings } = await import("../../src/client/environment.js");
  const around = globalThis as { document?: unknown; window?: unknown };
  expect([around.document, around.window]).toEqual([undefined, undefined]);
  let wake: () => void = () => {};
  let stopped = false;
  const env = surroundings((given) => {
    wake = given;
    return () => (stopped = true);
  });
  let looks = 0;
  const stop = env.onSignal(() => (looks += 1));
  wake();
  stop();
  expect([looks, stopped, env.hidden(), env.offline()]).toEqual([1, true, false, false]);
});
