import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const repository = new URL("../..", import.meta.url).pathname;

const { exports, peerDependencies } = JSON.parse(readFileSync(`${repository}package.json`, "utf8")) as {
  readonly exports: object;
  readonly peerDependencies: object;
};
const ENTRIES = Object.keys(exports).filter((name) => name !== "./package.json");
const PEERS = Object.keys(peerDependencies);

/** What docs/compatibility.md says of each entry: where it runs, and which parts of Node it needs. */
const SAID = new Map(
  [
    ...readFileSync(`${repository}docs/compatibility.md`, "utf8").matchAll(
      /^\| (`[^|]+`) +\| ([^|]+?) +\| (nothing|`node:[^|]+`) +\|$/gm,
    ),
  ].flatMap(([, entries = "", runs = "", parts = ""]) =>
    namesIn(entries).map((name) => {
      const entry = name === "." ? "." : `./${name}`;
      return [entry, { runs, parts: parts === "nothing" ? [] : namesIn(parts) }] as const;
    }),
  ),
);

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

const fileOf = (entry: string): string => (entry === "." ? "index" : entry.slice(2));
const ANYWHERE = ENTRIES.filter((entry) => SAID.get(entry)?.runs.startsWith("anywhere")).map(fileOf);

const bundles = new Map<string, Promise<string>>();

/** One file of an entry, as a bundler for pages makes it. */
function bundled(text: string, external: readonly string[] = []): Promise<string> {
  const key = `${text} ${external.join()}`;
  const made =
    bundles.get(key) ??
    build({
      stdin: { contents: text, resolveDir: repository, loader: "ts" },
      ...{ bundle: true, write: false, format: "iife", globalName: "entry", platform: "browser" },
      ...{ target: "es2022", logLevel: "silent", define: { "process.env.NODE_ENV": '"production"' } },
      external: ["node:*", ...external],
    }).then(({ outputFiles }) => outputFiles[0]!.text);
  bundles.set(key, made);
  return made;
}

/** What the standard of runtimes on servers' edges has, and nothing of Node or of a page. */
const EDGE = [
  ...[
    "AbortController",
    "AbortSignal",
    "Blob",
    "CompressionStream",
    "crypto",
    "Event",
    "EventTarget",
    "fetch",
  ],
  ...[
    "FormData",
    "Headers",
    "queueMicrotask",
    "ReadableStream",
    "Request",
    "Response",
    "setTimeout",
    "clearTimeout",
  ],
  ...[
    "setInterval",
    "clearInterval",
    "structuredClone",
    "TextDecoder",
    "TextEncoder",
    "TransformStream",
    "URL",
  ],
  ...["URLSearchParams", "console", "performance", "atob", "btoa", "MessageChannel", "DOMException"],
];

type Globals = Record<string, unknown>;

function edge(): Globals {
  return Object.fromEntries(EDGE.map((name) => [name, (globalThis as unknown as Globals)[name]]));
}

/** Names that exist in some places, and throw at any touch where they are not allowed. */
const FORBIDDEN = [
  ...[
    "localStorage",
    "sessionStorage",
    "indexedDB",
    "process",
    "Buffer",
    "require",
    "global",
    "AsyncLocalStorage",
  ],
  ...["BroadcastChannel", "EventSource"],
];

function guarded(): Globals {
  const globals = edge();
  for (const name of FORBIDDEN) {
    Object.defineProperty(globals, name, {
      configurable: true,
      get: () => {
        throw new Error(`${name} is not allowed here`);
      },
    });
  }
  return globals;
}

/** A worker of a page: no document, and itself under its own name. */
function worker(): Globals {
  const globals = { ...edge(), importScripts: () => undefined, postMessage: () => undefined, name: "" };
  return Object.assign(globals, { self: globals, navigator: { onLine: true, userAgent: "worker" } });
}

/** Emulations of Node have its names, which throw when they are used; their timers are objects of their own. */
function emulated(): Globals {
  const globals = edge();
  const missing = (): never => {
    throw new Error("not implemented");
  };
  const timers = new Map<object, NodeJS.Timeout>();
  return Object.assign(globals, {
    process: { env: {}, nextTick: missing, getBuiltinModule: missing, emitWarning: missing, on: missing },
    setTimeout: (fn: () => void, ms: number) => {
      const handle = {};
      timers.set(handle, setTimeout(fn, ms));
      return handle;
    },
    clearTimeout: (handle: object) => {
      clearTimeout(timers.get(handle));
    },
  });
}

const BARE = "nothing but the engine";

const PLACES: readonly (readonly [string, () => Globals])[] = [
  [BARE, () => ({})],
  ["the edge", edge],
  ["globals that throw", guarded],
  ["an emulation of Node", emulated],
  ["a worker", worker],
];

function runIn(globals: Globals, code: string): unknown {
  return runInContext(code, createContext(globals));
}

describe.each(PLACES)("%s", (_, globals) => {
  it.each(ANYWHERE)("loads %s", async (name) => {
    const code = await bundled(`export * from "./src/${name}.js";`);
    const names = runIn(globals(), `${code}; Object.keys(entry)`) as readonly string[];
    expect(names.length).toBeGreaterThan(0);
  });
});

it("is said of every entry where it runs", () => {
  expect([...SAID.keys()].sort()).toEqual([...ENTRIES].sort());
  expect(ANYWHERE.length).toBeGreaterThan(7);
});

describe("an edge that has of Node what is said, and the driver or SDK", () => {
  const load = createRequire(import.meta.url);

  it.each(ENTRIES)("loads %s", async (entry) => {
    const { parts } = SAID.get(entry)!;
    const code = await bundled(
      `export * from "./src/${fileOf(entry)}.js"; export const whole = true;`,
      PEERS,
    );
    const asked = new Set<string>();
    const require = (name: string): unknown => {
      if (name.startsWith("node:")) asked.add(name);
      else if (!PEERS.some((peer) => name === peer || name.startsWith(`${peer}/`))) throw new Error(name);
      return load(name);
    };
    const names = runIn({ ...edge(), require }, `${code}; Object.keys(entry)`) as readonly string[];
    expect(names.length).toBeGreaterThan(1);
    expect([...asked].sort()).toEqual([...parts].sort());
  });
});

// A bare engine has no timers: there nothing can wait.
it.each(PLACES.filter(([place]) => place !== BARE))("%s: runs a job, and shows it", async (_, globals) => {
  const code = await bundled(PROGRAM);
  const done = runIn(globals(), `${code}; entry.done`) as Promise<unknown>;
  expect(await done).toEqual({ result: 42, status: 200, shown: "COMPLETED" });
});

const PROGRAM = `
import { createWaybill, defineJob, memoryStore } from "./src/index.js";
import { createClient } from "./src/client.js";
import { jobRoutes } from "./src/http.js";
import { testWaybill } from "./src/testing.js";
const anything = { "~standard": { version: 1, vendor: "x", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
async function main() {
  const waybill = createWaybill({ jobs: [double], store: memoryStore() });
  const routes = jobRoutes(waybill, { kinds: [double], submit: [double], authorize: async () => ({ owner: "ana" }) });
  const running = waybill.worker([double.handle(({ input }) => input * 2)]).run();
  const job = await waybill.submit(double, 21, { owner: "ana" }).unwrap();
  const result = await waybill.result(double, job.id);
  const answer = await routes(new Request("https://x.test/jobs/" + job.id));
  const client = createClient({
    baseUrl: "https://x.test/jobs",
    transports: ["poll"],
    fetch: (url, init) => routes(new Request(url, init)),
  });
  const shown = await new Promise((resolve) => {
    const store = client.job("double", job.id);
    const stop = store.subscribe(() => {
      const { job: view } = store.getSnapshot();
      if (view?.status === "COMPLETED") { resolve(view.status); stop(); }
    });
  });
  client.close();
  await waybill.close();
  await running;
  // The kit of tests as well.
  const kit = await testWaybill({ jobs: [double], handlers: [double.handle(({ input }) => input)] });
  await kit[Symbol.asyncDispose]();
  return { result, status: answer.status, shown };
}
export const done = main();
`;
