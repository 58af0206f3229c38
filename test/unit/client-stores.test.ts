import { expect, it } from "vitest";
import { type Client, type ClientOptions } from "../../src/client/api.js";
import { openClient } from "../../src/client/create-client.js";
import type { AnyDef } from "../../src/core/define/any-def.js";
import type { ingest, recover } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink, viewOf } from "./client-server.js";

type Kinds = typeof ingest | typeof recover;

function open(server: FakeServer, options: Partial<ClientOptions<AnyDef>> = {}): Client<Kinds> {
  const { fetch, WebSocket, env } = server;
  return openClient({ baseUrl: "http://server/jobs", fetch, WebSocket, ...options }, env, loadHttpLink);
}

it("opens nothing before somebody listens, one connection for all who do, and closes it a macrotask after the last", async () => {
  const server = new FakeServer();
  const client = open(server);
  const [job, list] = [client.job("document.ingest", "a"), client.jobs()];
  job.getSnapshot();
  client.connection.subscribe(() => {});
  await server.clock.advance(60_000);
  expect([server.opened, client.connection.getSnapshot().state]).toEqual([0, "idle"]);

  const stops = [
    job.subscribe(() => {}),
    client.job("document.ingest", "a").subscribe(() => {}),
    list.subscribe(() => {}),
  ];
  await server.clock.settle();
  expect([server.opened, server.sockets.size, client.connection.getSnapshot().state]).toEqual([1, 1, "live"]);
  expect(server.heard.map(({ type, id }) => [type, id])).toEqual([
    ["subscribe", "s1"],
    ["subscribe", "s2"],
  ]);

  for (const stop of stops) stop();
  expect(server.sockets.size).toBe(1);
  await server.clock.settle();
  expect([server.sockets.size, client.connection.getSnapshot().state, server.clock.pending()]).toEqual([
    0,
    "idle",
    0,
  ]);
  expect(server.listeningToSignals).toBe(0);
});

it("opens nothing for what is listened to and left at once, and keeps what is left and listened to again", async () => {
  const server = new FakeServer();
  const store = open(server).job("document.ingest", "a");
  store.subscribe(() => {})();
  await server.clock.settle();
  expect(server.opened).toBe(0);
  const stop = store.subscribe(() => {});
  await server.clock.settle();
  stop();
  store.subscribe(() => {});
  await server.clock.settle();
  expect([server.opened, server.sockets.size]).toEqual([1, 1]);
});

it("leaves what a page no longer shows before it asks for what takes its place: a connection has room for so many", async () => {
  const server = new FakeServer();
  const client = open(server);
  const show = (id: string): (() => void) => client.job("document.ingest", id).subscribe(() => {});
  const before = ["a", "b"].map(show);
  await server.clock.settle();
  const heard = server.heard.length;
  for (const stop of before) stop();
  ["c", "d"].map(show);
  await server.clock.settle();
  expect(server.heard.slice(heard).map(({ type }) => type)).toEqual([
    "unsubscribe",
    "unsubscribe",
    "subscribe",
    "subscribe",
  ]);
  expect(server.opened).toBe(1);
});

it("gives the same frozen object until something changes, and each change once", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const store = open(server).job("document.ingest", "a");
  const seen: unknown[] = [];
  expect(store.getSnapshot()).toEqual({ state: "loading", job: null });
  store.subscribe(() => seen.push(store.getSnapshot()));
  await server.clock.settle();
  const first = store.getSnapshot();
  expect(first).toMatchObject({
    state: "live",
    job: { id: "a", version: 1, createdAt: new Date("2025-01-01") },
  });
  expect([Object.isFrozen(first), Object.isFrozen(first.job)]).toEqual([true, true]);
  await server.clock.advance(600_000);
  expect(store.getSnapshot()).toBe(first);
  server.put({ id: "a", status: "PROCESSING" });
  server.tell();
  await server.clock.settle();
  expect(seen.map((each) => (each as typeof first).job?.version)).toEqual([1, 2]);
});

it("tells a later listener at once what is newer than what it has seen", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server);
  const [early, late] = [client.job("document.ingest", "a"), client.job("document.ingest", "a")];
  late.getSnapshot();
  early.subscribe(() => {});
  await server.clock.settle();
  let told = 0;
  late.subscribe(() => (told += 1));
  expect(told).toBe(0);
  await Promise.resolve();
  expect([told, late.getSnapshot().state]).toEqual([1, "live"]);
  // One that has seen it hears nothing.
  late.subscribe(() => (told += 1));
  await server.clock.settle();
  expect(told).toBe(1);
});

it("ends at COMPLETED and FAILED: nothing is listened for any more", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server);
  const store = client.job("document.ingest", "a");
  store.subscribe(() => {});
  await server.clock.settle();
  server.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  await server.clock.settle();
  expect(store.getSnapshot()).toMatchObject({ state: "final", job: { output: { chunks: 3 } } });
  expect([server.sockets.size, client.connection.getSnapshot().state, server.clock.pending()]).toEqual([
    0,
    "idle",
    0,
  ]);
});

it("says that a job is missing, and shows it when it is there", async () => {
  const server = new FakeServer();
  const store = open(server).job("document.ingest", "a");
  store.subscribe(() => {});
  await server.clock.settle();
  expect(store.getSnapshot()).toEqual({ state: "missing", job: null });
  server.put({ id: "a" });
  await server.clock.settle();
  expect(store.getSnapshot().state).toBe("live");
  server.jobs.delete("a");
  server.tell();
  await server.clock.settle();
  expect(store.getSnapshot()).toEqual({ state: "missing", job: null });
});

it("follows the latest about a subject to a job that is run again, at version 1", async () => {
  const server = new FakeServer();
  server.put({ id: "a", subject: "document:1", version: 9, status: "FAILED" });
  const store = open(server).latest("document.ingest", "document:1");
  store.subscribe(() => {});
  await server.clock.settle();
  expect(store.getSnapshot()).toMatchObject({ state: "live", job: { id: "a", version: 9 } });
  server.put({ id: "b", subject: "document:1", createdAt: "2025-01-01T00:00:01.000Z" });
  await server.clock.settle();
  expect(store.getSnapshot()).toMatchObject({ state: "live", job: { id: "b", version: 1 } });
});

it("shows a list newest first, and tells its changes to caches of others", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  server.put({ id: "b", createdAt: "2025-01-01T00:00:01.000Z" });
  const client = open(server);
  const store = client.jobs({ kind: "document.ingest" });
  const told: unknown[] = [];
  expect(store.getSnapshot()).toEqual({ state: "loading", jobs: [] });
  store.subscribe(({ jobs, ...rest }) =>
    told.push([jobs.map(({ id, version }) => `${id}${version}`).join(), rest]),
  );
  await server.clock.settle();
  expect(store.getSnapshot().jobs.map(({ id }) => id)).toEqual(["b", "a"]);
  server.put({ id: "a", status: "QUEUED" });
  await server.clock.settle();
  server.jobs.delete("b");
  server.tell();
  await server.clock.settle();
  expect(told).toEqual([
    ["b1,a1", { gone: [], snapshot: true, reset: false }],
    ["a2", { gone: [], snapshot: false, reset: false }],
    ["", { gone: ["b"], snapshot: false, reset: false }],
  ]);
  const late: unknown[] = [];
  client
    .jobs({ kind: "document.ingest" })
    .subscribe(({ jobs, snapshot }) => late.push([jobs.length, snapshot]));
  await Promise.resolve();
  expect(late).toEqual([[1, true]]);
});

it("shows no job of a list that is not known yet, whatever a command answers", async () => {
  const server = new FakeServer();
  const client = open(server, { transports: ["websocket"] });
  server.webSockets = "mute";
  const list = client.jobs();
  list.subscribe(() => {});
  await server.clock.advance(10);
  server.onPost = () => Response.json(viewOf({ id: "a" }), { status: 202 });
  await client.submit("document.ingest", { documentId: "d1" }).unwrap();
  expect(list.getSnapshot()).toEqual({ state: "loading", jobs: [] });
  server.webSockets = "up";
  await server.clock.advance(60_000);
  expect(list.getSnapshot()).toMatchObject({ state: "live" });
});

it("keeps no more of a list than it was asked to", async () => {
  const server = new FakeServer();
  for (const n of [1, 2, 3, 4]) server.put({ id: `j${n}`, createdAt: `2025-01-01T00:00:0${n}.000Z` });
  const store = open(server).jobs({ limit: 2 });
  const gone: string[] = [];
  store.subscribe((changes) => gone.push(...changes.gone));
  await server.clock.settle();
  server.put({ id: "j5", createdAt: "2025-01-01T00:00:05.000Z" });
  await server.clock.settle();
  expect(store.getSnapshot().jobs.map(({ id }) => id)).toEqual(["j5", "j4"]);
  expect(gone).toEqual(["j3"]);
});

it("takes what is late, doubled or out of order for what it is, and goes back only by reset", async () => {
  const server = new FakeServer();
  server.put({ id: "a", version: 5 });
  const store = open(server).jobs();
  const resets: boolean[] = [];
  store.subscribe(({ reset }) => resets.push(reset));
  await server.clock.settle();
  const [socket] = server.sockets;
  const say = async (version: number, reset = false): Promise<number | undefined> => {
    const jobs = [viewOf({ id: "a", version })];
    socket?.say({ type: "changes", id: "s1", jobs, gone: [], snapshot: false, reset });
    await server.clock.settle();
    return store.getSnapshot().jobs[0]?.version;
  };
  expect([await say(7), await say(6), await say(7), await say(3, true), await say(4)]).toEqual([
    7, 7, 7, 3, 4,
  ]);
  expect(resets).toEqual([false, false, true, false]);
});

it("puts changes of several frames together before it shows them", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const store = open(server).jobs();
  const seen: number[] = [];
  store.subscribe(({ jobs }) => seen.push(jobs.length));
  await server.clock.settle();
  const [socket] = server.sockets;
  const part = { type: "changes", id: "s1", gone: [], snapshot: false, reset: false };
  socket?.say({ ...part, jobs: [viewOf({ id: "b" })], more: true });
  await server.clock.settle();
  expect(store.getSnapshot().jobs.length).toBe(1);
  socket?.say({ ...part, jobs: [viewOf({ id: "c" })] });
  await server.clock.settle();
  expect(seen).toEqual([1, 2]);
});

it("does not let one listener's fault reach the next", async () => {
  const server = new FakeServer();
  const store = open(server).job("document.ingest", "a");
  const thrown: unknown[] = [];
  const onUncaught = (error: unknown): void => void thrown.push(error);
  const others = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", onUncaught);
  try {
    let told = 0;
    store.subscribe(() => {
      throw new Error("mine");
    });
    store.subscribe(() => (told += 1));
    await server.clock.settle();
    expect([told, String(thrown[0])]).toEqual([1, "Error: mine"]);
  } finally {
    process.removeListener("uncaughtException", onUncaught);
    for (const other of others) process.on("uncaughtException", other);
  }
});

it("is closed for good, and says so", async () => {
  const server = new FakeServer();
  server.put({ id: "b", status: "FAILED" });
  const client = open(server);
  const [store, over] = [client.job("document.ingest", "a"), client.job("document.ingest", "b")];
  store.subscribe(() => {});
  over.subscribe(() => {});
  await server.clock.settle();
  client.close();
  client.close();
  expect(over.getSnapshot()).toMatchObject({ state: "final", job: { id: "b" } });
  expect(store.getSnapshot()).toMatchObject({ state: "error", error: { code: "client.closed" } });
  client.jobs().subscribe(() => {});
  await server.clock.settle();
  expect([server.sockets.size, server.opened, server.clock.pending()]).toEqual([0, 1, 0]);
});

it("watches a job to its end, skipping what nobody took", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const views = open(server).watch("document.ingest", "a")[Symbol.asyncIterator]();
  const first = views.next();
  await server.clock.settle();
  expect((await first).value).toMatchObject({ version: 1 });
  server.put({ id: "a", status: "QUEUED" });
  server.put({ id: "a", status: "PROCESSING" });
  await server.clock.settle();
  expect((await views.next()).value).toMatchObject({ version: 3 });
  server.put({ id: "a", status: "COMPLETED" });
  await server.clock.settle();
  expect((await views.next()).value).toMatchObject({ version: 4, status: "COMPLETED" });
  expect(await views.next()).toEqual({ done: true, value: undefined });
  await server.clock.settle();
  expect(server.sockets.size).toBe(0);
});

it("ends a watch without an error when its signal aborts", async () => {
  const server = new FakeServer();
  const abort = new AbortController();
  const done = (async () => {
    for await (const view of open(server).watch("document.ingest", "a", { signal: abort.signal }))
      expect(view).toBeNull();
  })();
  await server.clock.settle();
  abort.abort();
  await done;
  await server.clock.settle();
  expect([server.sockets.size, server.clock.pending()]).toEqual([0, 0]);
});
