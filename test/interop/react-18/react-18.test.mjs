// The hooks and components on React 18, in StrictMode, over routes and a client in this process.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { JSDOM } from "jsdom";
import { createWaybill, defineJob, memoryStore, toView } from "waybill";
import { createClient } from "waybill/client";
import { jobRoutes } from "waybill/http";

// React asks for these when it is loaded.
const { window } = new JSDOM('<div id="root"></div>', { url: "http://waybill.test/" });
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: false });
// Newer Nodes have one of their own, which cannot be assigned.
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
const React = await import("react");
const { createRoot, hydrateRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const { createHooks, LoadingSpinner, ProgressIndicator, StatusBadge } = await import("waybill/react");
const { createElement: h, StrictMode } = React;

const anything = {
  "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) },
};
const note = defineJob({ kind: "note", input: anything });
const ANA = { owner: "ana" };

async function until(what, holds) {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`not seen within 5 s: ${what}`);
}

describe("on React 18", () => {
  const waybill = createWaybill({ jobs: [note], store: memoryStore() });
  const routes = jobRoutes(waybill, { kinds: [note], submit: [note], authorize: async () => ANA });
  const stop = new AbortController();
  let finish;
  let running;
  let streams;
  let client;
  let hooks;
  let warnings;
  let root;

  before(() => {
    const worker = waybill.worker([
      note.handle(() => new Promise((resolve) => (finish = () => resolve(null)))),
    ]);
    running = worker.run({ signal: stop.signal });
  });

  beforeEach(() => {
    root?.unmount();
    client?.close();
    streams = [];
    warnings = [];
    console.error = (...said) => void warnings.push(said.map(String).join(" "));
    const answer = (address, init) => {
      const request = new Request(new URL(address, "http://waybill.test"), init);
      if (request.headers.get("accept")?.includes("event-stream")) streams.push(request.url);
      return routes(request);
    };
    client = createClient({
      baseUrl: "http://waybill.test/jobs",
      jobs: [note],
      transports: ["sse"],
      fetch: answer,
    });
    hooks = createHooks(client);
  });

  after(async () => {
    root?.unmount();
    client?.close();
    stop.abort();
    await running;
    await waybill.close();
  });

  const submitted = async () => (await waybill.submit(note, {}, { owner: "ana" }).unwrap()).id;
  const shown = () => document.getElementById("root").textContent;

  function Job({ id, settled = [], initial = null }) {
    const { job, state } = hooks.useJob("note", id, { initial, onSettled: (view) => settled.push(view.id) });
    return h("p", null, job === null ? state : h(StatusBadge, { status: job.word }));
  }

  it("a job is followed to its end over one connection, and settles once", async () => {
    const id = await submitted();
    const settled = [];
    root = createRoot(document.getElementById("root"));
    root.render(h(StrictMode, null, h(Job, { id, settled })));
    await until("PROCESSING", () => shown().includes("PROCESSING"));
    finish();
    await until("COMPLETED", () => shown().includes("COMPLETED"));
    assert.equal(streams.length, 1);
    assert.deepEqual(settled, [id]);
    assert.deepEqual(warnings, []);
    assert.equal((await waybill.get(note, id)).status, "COMPLETED");
  });

  it("what the server rendered is hydrated without a warning, and goes on", async () => {
    const id = await submitted();
    await until("a run", async () => (await waybill.get(note, id)).status === "PROCESSING");
    const initial = toView(note, await waybill.get(note, id));
    const page = h(StrictMode, null, h(Job, { id, initial }));
    document.getElementById("root").innerHTML = renderToString(page);
    assert.match(shown(), /PROCESSING/);
    root = hydrateRoot(document.getElementById("root"), page);
    await until("a stream", () => streams.length === 1);
    finish();
    await until("COMPLETED", () => shown().includes("COMPLETED"));
    assert.deepEqual(warnings, []);
  });

  it("what waits in a Suspense opens nothing, and goes on over one connection when it is shown", async () => {
    const id = await submitted();
    const settled = [];
    let late = true;
    let resume;
    const there = new Promise((resolve) => (resume = resolve));
    function Late() {
      if (late) throw there;
      return null;
    }
    root = createRoot(document.getElementById("root"));
    root.render(
      h(StrictMode, null, h(React.Suspense, { fallback: "Waiting" }, h(Late), h(Job, { id, settled }))),
    );
    await until("the fallback", () => shown() === "Waiting");
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(streams, []);
    late = false;
    resume();
    await until("PROCESSING", () => shown().includes("PROCESSING"));
    finish();
    await until("COMPLETED", () => shown().includes("COMPLETED"));
    assert.equal(streams.length, 1);
    assert.deepEqual(settled, [id]);
    assert.deepEqual(warnings, []);
  });

  it("what is unmounted before it connects opens nothing", async () => {
    const id = await submitted();
    const early = createRoot(document.getElementById("root"));
    early.render(h(StrictMode, null, h(Job, { id })));
    early.unmount();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(streams, []);
    assert.deepEqual(warnings, []);
    await until("a run", async () => (await waybill.get(note, id)).status === "PROCESSING");
    finish();
  });

  it("components render, each in each state, without a warning", () => {
    const steps = [
      { label: "Parsing", completed: true },
      { label: "Indexing", completed: false },
    ];
    const all = [
      h(LoadingSpinner, { key: 1, size: "lg", label: "Loading" }),
      ...[undefined, null, 0.5].map((percent, key) =>
        h(ProgressIndicator, { key: `p${key}`, title: "Reading", percent, steps }),
      ),
      h(StatusBadge, { key: 2, status: "FAILED", message: "Wrong file", size: "sm" }),
    ];
    const html = renderToString(h(StrictMode, null, all));
    assert.equal(html.match(/aria-valuenow/g).length, 1);
    assert.deepEqual(warnings, []);
  });
});
