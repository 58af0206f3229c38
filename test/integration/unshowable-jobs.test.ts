import { afterEach, expect, it } from "vitest";
import { jobRoutes } from "../../src/http.js";
import { ended, type ObserveWorld, observeWorld, rows, work } from "../unit/observe-world.js";
import { authorizing, websocketWorld } from "./websocket-world.js";

// One job of a list that its kind cannot show, over every channel: the others are shown, and the log says of it once.

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

const LINE = {
  level: "error",
  message: "a job cannot be shown, and is left out of lists",
  fields: { jobId: "old", kind: "sample.rows", code: "config.invalid" },
};

/** A job that can be shown, and one whose progress is of before. */
function written(at: ObserveWorld): void {
  at.write("a");
  at.write("old", { kind: "sample.rows", status: "PROCESSING", progress: { items: ["canary-progress"] } });
}

function routed() {
  const at = observeWorld();
  written(at);
  const routes = jobRoutes(at.waybill, {
    kinds: [work, rows],
    submit: [],
    authorize: authorizing(at.clock),
  });
  const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    at.clock.runUntil(
      routes(
        new Request(`http://server/jobs${path}`, { headers: { authorization: "Bearer ann", ...headers } }),
      ),
    );
  return { at, ask };
}

it("is left out of GET /jobs, page after page and time after time", async () => {
  const { at, ask } = routed();
  for (const path of ["/", "/", "/?fields=status", "/?status=PROCESSING&status=PENDING"]) {
    const response = await ask(path);
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.json()).toMatchObject({ items: [{ id: "a" }], next: null });
  }
  const first = await ask("/?limit=1");
  const { items, next } = (await first.json()) as { items: { id: string }[]; next: string };
  expect(items).toEqual([]);
  expect(await (await ask(`/?limit=1&cursor=${next}`)).json()).toMatchObject({
    items: [{ id: "a" }],
    next: null,
  });
  expect(at.log).toEqual([LINE]);
});

it("is left out of an event stream, said once beside GET /jobs, and an error only where it is asked for by its id", async () => {
  const { at, ask } = routed();
  const stream = await ask("/", { accept: "text/event-stream" });
  expect(stream.status).toBe(200);
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  let text = "";
  while (!text.includes("data:")) text += new TextDecoder().decode((await reader.read()).value);
  const { jobs, snapshot } = JSON.parse(/data: (.*)/.exec(text)![1]!) as {
    jobs: { id: string }[];
    snapshot: boolean;
  };
  expect([jobs.map(({ id }) => id), snapshot]).toEqual([["a"], true]);
  await reader.cancel();
  expect((await ask("/")).status).toBe(200);
  expect(at.log).toEqual([LINE]);
  for (const headers of [{}, { accept: "text/event-stream" }]) {
    expect((await ask("/old", headers)).status).toBe(500);
    expect((await ask("/old", { ...headers, authorization: "Bearer bea" })).status).toBe(404);
  }
});

it("is left out of a list over the WebSocket, leaves it when it becomes so, and is refused by its id", async () => {
  const at = await websocketWorld({ kinds: [work, rows] });
  ends.push(() => at.end());
  written(at);
  at.write("b", { kind: "sample.rows" });
  const client = at.connect("ann");
  await client.send({ type: "subscribe", id: "list", filter: { owner: "self" } });
  const first = await client.next();
  expect(first).toMatchObject({ type: "ready" });
  const snapshot = (await client.next()) as unknown as { jobs: { id: string }[] };
  expect(snapshot).toMatchObject({ type: "changes", id: "list", snapshot: true });
  expect(snapshot.jobs.map(({ id }) => id).sort()).toEqual(["a", "b"]);
  at.put("b", ended("COMPLETED", at.clock.now()), JSON.stringify({ items: [] }));
  expect(await client.next()).toMatchObject({ type: "changes", id: "list", jobs: [], gone: ["b"] });
  await client.send({ type: "subscribe", id: "one", filter: { jobId: "old" } });
  expect(await client.next()).toMatchObject({ type: "error", id: "one", error: { code: "system_error" } });
  expect(at.log).toEqual([LINE, { ...LINE, fields: { ...LINE.fields, jobId: "b" } }]);
});
