import { expect, it } from "vitest";
import { type Client, type ClientOptions } from "../../src/client/api.js";
import { ClientError } from "../../src/client/client-error.js";
import { openClient } from "../../src/client/create-client.js";
import type { AnyDef } from "../../src/core/define/any-def.js";
import type { ingest, recover } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink } from "./client-server.js";

type Kinds = typeof ingest | typeof recover;

function open(server: FakeServer, options: Partial<ClientOptions<AnyDef>> = {}): Client<Kinds> {
  const { fetch, WebSocket, env } = server;
  return openClient({ baseUrl: "http://server/jobs", fetch, WebSocket, ...options }, env, loadHttpLink);
}

it("says on every store of one job that the client was closed, whichever of them was listened to first", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server);
  const stores = [client.job("document.ingest", "a"), client.job("document.ingest", "a")];
  for (const store of stores) store.subscribe(() => {});
  await server.clock.settle();
  client.close();
  for (const store of stores) {
    expect(store.getSnapshot()).toMatchObject({
      state: "error",
      error: { code: "client.closed" },
      job: { id: "a" },
    });
  }
});

it("ends a watch of a job that somebody else looks at when the client is closed, and one that begins later", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server);
  client.job("document.ingest", "a").subscribe(() => {});
  await server.clock.settle();
  const watching = client.watch("document.ingest", "a")[Symbol.asyncIterator]();
  expect((await watching.next()).value).toMatchObject({ version: 1 });
  const next = watching.next().catch((error: unknown) => error);
  client.close();
  await server.clock.settle();
  const late = [1, 2].map(() => {
    const begun = client.watch("document.ingest", "b")[Symbol.asyncIterator]();
    return begun.next().catch((error: unknown) => error);
  });
  await server.clock.settle();
  for (const end of [next, ...late]) {
    expect(
      await Promise.race([
        end,
        Promise.resolve()
          .then(() => server.clock.settle())
          .then(() => "hangs"),
      ]),
    ).toMatchObject({
      code: "client.closed",
    });
  }
});

it("tells a later listener of an error too, also after the client was closed", async () => {
  const server = new FakeServer();
  const client = open(server);
  const makers = [() => client.job("document.ingest", "a"), () => client.jobs()];
  const pairs = makers.map((make) => [make(), make()] as const);
  for (const [early, late] of pairs) {
    late.getSnapshot();
    early.subscribe(() => {});
  }
  client.close();
  await server.clock.settle();
  const told: unknown[] = [];
  for (const [, late] of pairs) late.subscribe(() => told.push(late.getSnapshot()));
  await server.clock.settle();
  expect(told).toMatchObject([
    { state: "error", job: null, error: { code: "client.closed" } },
    { state: "error", jobs: [], error: { code: "client.closed" } },
  ]);
});

it("tells a later listener of a list all that there is, also where a page has shown it", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const list = open(server).jobs();
  list.subscribe(() => {});
  await server.clock.settle();
  list.getSnapshot();
  const told: unknown[] = [];
  list.subscribe((changes) => told.push(changes));
  await server.clock.settle();
  expect(told).toMatchObject([{ snapshot: true, jobs: [{ id: "a" }] }]);
});

it("throws nothing but a ClientError: for what is no JSON, for an id that is no text, for an answer that is no job", async () => {
  const server = new FakeServer();
  const client = open(server);
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const failed = async (call: () => PromiseLike<unknown>): Promise<unknown> => {
    let started: PromiseLike<unknown>;
    try {
      started = call();
    } catch (error) {
      return ["at once", error];
    }
    return Promise.resolve(started).then(
      (value) => ["answered", value],
      (error: unknown) => error,
    );
  };
  for (const input of [circular, { n: 1n }]) {
    const error = await failed(() => client.submit("document.ingest", input as never));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: "config.invalid", outcome: "not_applied" });
  }
  for (const call of [() => client.cancel("\ud800"), () => client.rerun("\ud800")]) {
    const error = await failed(call);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: "config.invalid", outcome: "not_applied" });
  }
  server.onPost = () => Response.json(null, { status: 202 });
  const error = await failed(() =>
    server.clock.runUntil(client.submit("document.ingest", { documentId: "d1" })),
  );
  expect(error).toBeInstanceOf(ClientError);
  expect(error).toMatchObject({ outcome: "unknown" });
  const unlisted = open(server, { fetch: async () => Response.json(null) });
  expect(await failed(() => server.clock.runUntil(unlisted.list()))).toBeInstanceOf(ClientError);
});

it("connects, and says to the others how, whatever a listener of the connection throws", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const client = open(server);
  const thrown: unknown[] = [];
  const hear = (error: unknown): void => void thrown.push(error);
  process.on("uncaughtException", hear);
  const before = process.listeners("uncaughtException").filter((each) => each !== hear);
  for (const each of before) process.off("uncaughtException", each);
  try {
    client.connection.subscribe(() => {
      throw new Error("a fault of the page");
    });
    const seen: string[] = [];
    client.connection.subscribe(() => seen.push(client.connection.getSnapshot().state));
    const store = client.job("document.ingest", "a");
    store.subscribe(() => {});
    await server.clock.settle();
    await new Promise((resolve) => setImmediate(resolve));
    expect([store.getSnapshot().state, seen]).toEqual(["live", ["connecting", "live"]]);
    expect(thrown).toHaveLength(2);
  } finally {
    for (const each of before) process.on("uncaughtException", each);
    process.off("uncaughtException", hear);
  }
});

it("ends no process over an address that is relative where there is no page", async () => {
  const server = new FakeServer();
  server.mode = "down";
  const store = open(server, { baseUrl: "/jobs" }).job("document.ingest", "a");
  store.subscribe(() => {});
  await server.clock.settle();
  expect(store.getSnapshot()).toEqual({ state: "loading", job: null });
});
