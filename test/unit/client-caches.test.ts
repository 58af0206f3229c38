// The recipes of docs/client.md as they stand there, run over a client with a server, with the caches that they are for.
import { readFileSync } from "node:fs";
import { QueryClient } from "@tanstack/react-query";
import { transformSync } from "esbuild";
import { legacy_createStore as createStore } from "redux";
import { expect, it } from "vitest";
import type { Client } from "../../src/client/api.js";
import { applyNewer } from "../../src/client/apply-newer.js";
import { openClient } from "../../src/client/create-client.js";
import type { ingest } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink } from "./client-server.js";

type Jobs = Client<typeof ingest>;
type View = Readonly<{ version: number; status: string }>;

const page = readFileSync(new URL("../../docs/client.md", import.meta.url), "utf8");

function clientOf(server: FakeServer): Jobs {
  const { fetch, WebSocket, env } = server;
  return openClient({ baseUrl: "http://server/jobs", fetch, WebSocket }, env, loadHttpLink);
}

/** What a recipe exports, given what is around it. */
function run(name: string, around: Readonly<Record<string, unknown>>): unknown {
  const text = new RegExp(`<!-- recipe: ${name} -->\\n\\n\`\`\`ts\\n([^]*?)\`\`\``).exec(page)![1]!;
  const { code } = transformSync(text, { loader: "ts", format: "cjs" });
  const module = { exports: {} };
  const names = Object.keys(around);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the page's own text is what is tested
  const body = new Function("module", ...names, code) as (...values: readonly unknown[]) => void;
  body(module, ...names.map((each) => around[each]));
  return module.exports;
}

it("Redux: the state is what is stored, takes nothing older, and forgets what is gone", async () => {
  const server = new FakeServer();
  server.put({ id: "a", status: "QUEUED" });
  const { store } = run("redux", { client: clientOf(server), applyNewer, createStore }) as {
    readonly store: ReturnType<typeof createStore>;
  };
  const state = () => store.getState() as ReadonlyMap<string, View>;
  await server.clock.settle();
  expect([...state().keys()]).toEqual(["a"]);

  server.put({ id: "a", status: "COMPLETED" });
  server.put({ id: "b" });
  await server.clock.settle();
  expect(state().get("a")).toMatchObject({ status: "COMPLETED", version: 2 });
  expect(state().has("b")).toBe(true);

  const late = { ...state().get("a")!, id: "a", createdAt: new Date(0), version: 1, status: "QUEUED" };
  store.dispatch({ type: "jobs/changed", changes: { jobs: [late], gone: ["b"], snapshot: false } } as never);
  expect(state().get("a")).toMatchObject({ status: "COMPLETED", version: 2 });
  expect(state().has("b")).toBe(false);
});

it("TanStack Query: the query's data is the newest of what was fetched and what was heard", async () => {
  const server = new FakeServer();
  server.put({ id: "a", status: "PROCESSING" });
  const { keepJob } = run("tanstack", { client: clientOf(server), applyNewer }) as {
    readonly keepJob: (queries: QueryClient, id: string) => () => void;
  };
  const queries = new QueryClient();
  const data = () => queries.getQueryData<View>(["jobs", "a"]);
  const stop = keepJob(queries, "a");
  await server.clock.settle();
  expect(data()).toMatchObject({ status: "PROCESSING", version: 1 });

  // A fetch of the query's own has brought a newer one already.
  queries.setQueryData(["jobs", "a"], { ...data(), status: "COMPLETED", version: 3 });
  server.put({ id: "a", version: 2, status: "PROCESSING" });
  await server.clock.settle();
  expect(data()).toMatchObject({ status: "COMPLETED", version: 3 });

  stop();
  queries.clear();
});
