import { expect, it } from "vitest";
import { isWaybillError } from "../../src/core/errors/errors.js";
import type { Client, ClientOptions } from "../../src/client/api.js";
import { openClient } from "../../src/client/create-client.js";
import type { ingest } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink, viewOf } from "./client-server.js";

function open(
  server: FakeServer,
  options: Partial<ClientOptions<typeof ingest>> = {},
): Client<typeof ingest> {
  const { fetch, WebSocket, env } = server;
  return openClient<typeof ingest>(
    { baseUrl: "http://server/jobs", fetch, WebSocket, ...options },
    env,
    loadHttpLink,
  );
}

const input = { documentId: "d1" };

it("submits with a key of its own for each call, and the one that is given", async () => {
  const server = new FakeServer();
  server.onPost = () => Response.json(viewOf({ id: "a" }), { status: 202 });
  const client = open(server, { accessToken: "secret" });
  const job = await client.submit("document.ingest", input).unwrap();
  expect(job).toMatchObject({ id: "a", createdAt: new Date("2025-01-01") });
  await client.submit("document.ingest", input);
  await client.submit("document.ingest", input, { idempotencyKey: "mine" });
  const keys = server.requests.map(({ headers }) => headers.get("idempotency-key"));
  expect(new Set(keys).size).toBe(3);
  expect(keys.at(-1)).toBe('"mine"');
  expect(server.requests[0]).toMatchObject({ method: "POST", path: "/document.ingest", body: input });
  expect(server.requests[0]?.headers.get("authorization")).toBe("Bearer secret");
});

it("repeats itself with the same key after a lost answer, a 503 and a broken one, and makes one job", async () => {
  const server = new FakeServer();
  const answers: (() => Response)[] = [
    () => {
      throw new TypeError("fetch failed");
    },
    () => Response.json({ code: "system_error" }, { status: 503, headers: { "retry-after": "7" } }),
    () => new Response("{", { status: 202 }),
    () => Response.json(viewOf({ id: "a" }), { status: 202 }),
  ];
  const at: number[] = [];
  server.onPost = () => {
    at.push(server.clock.now() / 1000);
    return answers.shift()!();
  };
  const job = await server.clock.runUntil(open(server).submit("document.ingest", input).unwrap());
  expect(job.id).toBe("a");
  expect(new Set(server.requests.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1);
  expect(at).toEqual([0, 0.375, 7.375, 8.5]);
});

it("gives up after five tries, and says that it may have been done", async () => {
  const server = new FakeServer();
  server.mode = "down";
  const told = await server.clock.runUntil(
    open(server)
      .submit("document.ingest", input)
      .catch((error: unknown) => error),
  );
  expect(told).toMatchObject({ code: "server.unreachable", outcome: "unknown", retryable: true });
  expect(server.requests.length).toBe(5);
});

it("gives up a try that nobody answers after 15 s", async () => {
  const server = new FakeServer();
  server.mode = "mute";
  const done = open(server).submit("document.ingest", input);
  await server.clock.advance(15_000);
  server.mode = "up";
  server.onPost = () => Response.json(viewOf({ id: "a" }));
  expect((await server.clock.runUntil(done)).ok).toBe(true);
});

it("answers with what the server refused, and throws what is no decision", async () => {
  const server = new FakeServer();
  const problem = {
    code: "input.invalid",
    title: "Invalid",
    detail: "documentId is missing.",
    errors: [{ pointer: "#/documentId", detail: "is missing" }],
  };
  server.onPost = () => Response.json(problem, { status: 422 });
  const client = open(server);
  const refused = await client.submit("document.ingest", {} as typeof input);
  expect(refused).toMatchObject({
    ok: false,
    error: {
      code: "input.invalid",
      status: 422,
      issues: problem.errors,
      outcome: "not_applied",
      retryable: false,
    },
  });
  expect(!refused.ok && [refused.error.message, isWaybillError(refused.error, "input.invalid")]).toEqual([
    "documentId is missing. [input.invalid]",
    true,
  ]);
  expect(server.requests.length).toBe(1);

  server.onPost = () => Response.json({ code: "job.already_final" }, { status: 409 });
  expect(await client.cancel("a")).toMatchObject({ ok: false, error: { code: "job.already_final" } });

  server.onPost = () => new Response("<html>", { status: 404 });
  await expect(client.cancel("a")).rejects.toMatchObject({ code: "server.error", status: 404 });
  // Somebody between says no in words of their own.
  for (const body of [{ code: 404 }, { code: "NOT_FOUND" }, null, [], "no"]) {
    server.onPost = () => Response.json(body, { status: 404 });
    await expect(client.cancel("a")).rejects.toMatchObject({ code: "server.error", status: 404 });
  }
  server.onPost = () => new Response("no", { status: 401 });
  await expect(client.rerun("a")).rejects.toMatchObject({ code: "access.denied", status: 401 });
});

it("does not say that nothing was done where an earlier try may have done it", async () => {
  const server = new FakeServer();
  const answers: (() => Response)[] = [
    () => {
      throw new TypeError("fetch failed");
    },
    () => Response.json({}, { status: 401 }),
  ];
  server.onPost = () => answers.shift()!();
  const failed = open(server)
    .submit("document.ingest", input)
    .catch((error: unknown) => error);
  expect(await server.clock.runUntil(failed)).toMatchObject({ code: "access.denied", outcome: "unknown" });
});

it("sends a key as it is, and refuses at once one that no header can carry", async () => {
  const server = new FakeServer();
  server.onPost = () => Response.json(viewOf({ id: "a" }));
  const client = open(server);
  await client.submit("document.ingest", input, { idempotencyKey: 'a "b" \\ c' });
  expect(server.requests.at(-1)?.headers.get("idempotency-key")).toBe('"a \\"b\\" \\\\ c"');
  for (const idempotencyKey of ["m\u00fcller", "\u65e5\u672c", "a\nb", ""]) {
    const refused = client.submit("document.ingest", input, { idempotencyKey });
    await expect(refused).rejects.toMatchObject({ code: "config.invalid", outcome: "not_applied" });
  }
  expect(server.requests.length).toBe(1);
});

it("asks for a fresh token when one is refused", async () => {
  const server = new FakeServer();
  server.onPost = () => Response.json({}, { status: 401 });
  let tokens = 0;
  const client = open(server, {
    accessToken: () => {
      tokens += 1;
      if (tokens > 1) server.onPost = () => Response.json(viewOf({ id: "a" }));
      return `t${tokens}`;
    },
  });
  await client.submit("document.ingest", input).unwrap();
  expect(server.requests.map(({ headers }) => headers.get("authorization"))).toEqual([
    "Bearer t1",
    "Bearer t2",
  ]);
});

it("runs a failed job again once, however often it is asked to", async () => {
  const server = new FakeServer();
  server.onPost = () => Response.json(viewOf({ id: "b" }));
  const client = open(server);
  await Promise.all([client.rerun("a"), client.rerun("a")]);
  expect(server.requests.map(({ path, headers }) => [path, headers.get("idempotency-key")])).toEqual([
    ["/a/rerun", '"rerun-a"'],
    ["/a/rerun", '"rerun-a"'],
  ]);
});

it("shows what a command answered wherever it is looked at, if it is newer", async () => {
  const server = new FakeServer();
  server.put({ id: "a", version: 3, subject: "document:1" });
  const client = open(server);
  const stores = [client.job("document.ingest", "a"), client.latest("document.ingest", "document:1")];
  const list = client.jobs();
  for (const store of [...stores, list]) store.subscribe(() => {});
  await server.clock.settle();
  server.onPost = () =>
    Response.json(viewOf({ id: "a", version: 4, subject: "document:1", status: "FAILED" }));
  await client.cancel("a", { reason: "wrong file" });
  expect(server.requests.at(-1)?.body).toEqual({ reason: "wrong file" });
  expect(stores.map((store) => store.getSnapshot())).toMatchObject([
    { state: "final", job: { version: 4 } },
    { state: "live", job: { version: 4 } },
  ]);
  expect(list.getSnapshot()).toMatchObject({ jobs: [{ version: 4 }] });
  server.onPost = () => Response.json(viewOf({ id: "a", version: 2, subject: "document:1" }));
  await client.cancel("a");
  expect(list.getSnapshot()).toMatchObject({ jobs: [{ version: 4 }] });
});

it("lists a page", async () => {
  const server = new FakeServer();
  server.put({ id: "a" });
  const page = await open(server).list({ kind: "document.ingest", status: ["FAILED", "PENDING"], limit: 10 });
  expect(page).toMatchObject({ items: [{ id: "a", createdAt: new Date("2025-01-01") }], next: null });
  expect(server.requests[0]?.path).toBe("?kind=document.ingest&status=FAILED%2CPENDING&limit=10");
});

it("never takes a list of nothing for no filter", async () => {
  const server = new FakeServer();
  const client = open(server);
  await client.list({ status: [] });
  // No type lets it through; JavaScript does.
  const none = [] as never;
  await client.list({ kind: none });
  await client.list({ subject: none });
  client.jobs({ kind: none }).subscribe(() => {});
  await server.clock.settle();
  expect(server.requests.map(({ path }) => path)).toEqual(["?status=", "?kind=", "?subject="]);
  expect(server.heard).toMatchObject([{ filter: { kind: [] } }]);
});

it("takes a kind by its definition or by its name", async () => {
  const server = new FakeServer();
  const client = open(server);
  client.job({ kind: "document.ingest" }, "a").subscribe(() => {});
  client.job("document.ingest", "a").subscribe(() => {});
  await server.clock.settle();
  expect(server.heard).toMatchObject([{ filter: { jobId: "a", kind: "document.ingest" } }]);
});

it("refuses options that it does not know or cannot use", () => {
  const { env, fetch, WebSocket } = new FakeServer();
  const refused = (options: object) => () =>
    openClient({ baseUrl: "/jobs", fetch, WebSocket, ...options }, env, loadHttpLink);
  expect(refused({ acessToken: "x" })).toThrow(/no option "acessToken".*accessToken.*\[config.invalid\]/);
  expect(refused({ baseUrl: undefined })).toThrow("needs its baseUrl");
  expect(refused({ WebSocket: undefined, transports: ["websocket"] })).toThrow(/WebSocket/);
});
