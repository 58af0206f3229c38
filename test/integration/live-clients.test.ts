// Event streams as clients read them that nobody here wrote: `eventsource`, nginx in between, and a browser's own.
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { EventSource } from "eventsource";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { LIVE_PROTOCOL } from "../../src/core/wire/live.js";
import { jobRoutes } from "../../src/http.js";
import { defineJob } from "../../src/index.js";
import { testWaybill } from "../../src/testing.js";
import { websocketGateway } from "../../src/websocket.js";
import { nginxMissing, type NginxServer, startNginx } from "../support/nginx-server.js";

// A browser, or a proxy, on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const build = defineJob({
  kind: "site.build",
  input: z.object({ site: z.string() }),
  output: z.object({ url: z.string() }),
  progress: z.object({ pages: z.number() }),
  phases: ["reading", "writing"],
});

interface Update {
  readonly jobs: readonly { readonly id: string; readonly status: string; readonly version: number }[];
  readonly snapshot: boolean;
}

/** An application that serves jobs: routes, gateway and a page, on one port. Its clock is moved by the test. */
async function servedApp() {
  const asked: { readonly url: string; readonly lastEventId: string | undefined }[] = [];
  const runs: { readonly progress: (pages: number) => void; readonly end: () => void }[] = [];
  const waybill = testWaybill({
    jobs: [build],
    handlers: [
      build.handle(async ({ phase, progress }) => {
        phase("reading");
        await new Promise<void>((end) => {
          runs.push({
            progress: (pages) => {
              progress({ pages });
            },
            end,
          });
        });
        return { url: "https://site.example" };
      }),
    ],
  });
  const authorize = (request: Request) => {
    const owner = /user=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1];
    return owner === undefined ? null : { owner };
  };
  const routes = getRequestListener(jobRoutes(waybill, { kinds: [build], submit: [build], authorize }));
  const server = createServer((request, response) => {
    const url = request.url ?? "/";
    asked.push({ url, lastEventId: request.headers["last-event-id"]?.toString() });
    if (url === "/page")
      response.setHeader("content-type", "text/html").end("<!doctype html><title>Jobs</title>");
    // Begins to answer, and says nothing more: what a proxy makes of that.
    else if (url === "/silent") response.writeHead(200, { "x-accel-buffering": "no" }).flushHeaders();
    else void routes(request, response);
  });
  const url = await listening(server);
  const gateway = websocketGateway(waybill, { kinds: [build], authorize, allowedOrigins: [url] });
  gateway.attach(server);
  return {
    waybill,
    url,
    asked,
    async submitted(owner = "ann"): Promise<string> {
      const job = await waybill.submit(build, { site: "docs" }, { owner }).unwrap();
      await waybill.settle();
      return job.id;
    },
    run: (index = 0) => runs[index]!,
    /** Cuts every connection, as a deploy or a lost network does. */
    cut: () => {
      server.closeAllConnections();
    },
    async close(): Promise<void> {
      for (const { end } of runs) end();
      await waybill.settle();
      const closing = gateway.close();
      await waybill.advance(5_000);
      server.closeAllConnections();
      await Promise.all([closing, new Promise((resolve) => server.close(resolve))]);
      await waybill.close();
    },
  };
}

async function listening(server: HttpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let app: Awaited<ReturnType<typeof servedApp>>;
const sources: EventSource[] = [];

function opened(url: string, cookie = "user=ann"): EventSource {
  const source = new EventSource(url, {
    fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, cookie } }),
  });
  sources.push(source);
  return source;
}

/** What a source is told, in order. */
function updates(source: EventSource): () => Promise<Update> {
  const told: Update[] = [];
  let wake = (): void => undefined;
  source.addEventListener("changes", ({ data }) => {
    told.push(JSON.parse(data as string) as Update);
    wake();
  });
  return async () => {
    for (;;) {
      const next = told.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

const closed = (source: EventSource): Promise<number | undefined> =>
  new Promise((resolve) => {
    source.addEventListener("error", ({ code }) => {
      if (source.readyState === source.CLOSED) resolve(code);
    });
  });

/** The next update in which the job has this status. */
async function statusOf(next: () => Promise<Update>, status: string): Promise<void> {
  while (!(await next()).jobs.some((job) => job.status === status));
}

afterEach(async () => {
  for (const source of sources.splice(0)) source.close();
  await app.close();
});

describe("eventsource", () => {
  it("follows a job to its end, and is stopped by the 204 that answers it then", async () => {
    app = await servedApp();
    const id = await app.submitted();
    const source = opened(`${app.url}/jobs/${id}`);
    const next = updates(source);
    const stopped = closed(source);
    expect(await next()).toMatchObject({ snapshot: true, jobs: [{ id, status: "PROCESSING" }] });
    app.run().end();
    await app.waybill.settle();
    await statusOf(next, "COMPLETED");
    expect(await stopped).toBe(204);
    expect(app.asked.filter(({ url }) => url === `/jobs/${id}`).at(-1)?.lastEventId).toMatch(/^\d+\.end$/);
  });

  it("connects anew by itself when it was cut off, says what it has seen, and misses nothing", async () => {
    app = await servedApp();
    const id = await app.submitted();
    const source = opened(`${app.url}/jobs/${id}`);
    const next = updates(source);
    const seen = (await next()).jobs[0]!.version;
    app.cut();
    app.run().progress(7);
    await app.waybill.advance(1_000);
    const again = (await next()).jobs[0]!;
    expect(again).toMatchObject({ id, progress: { pages: 7 } });
    expect(again.version).toBeGreaterThan(seen);
    expect(app.asked.filter(({ url }) => url === `/jobs/${id}`)[1]?.lastEventId).toBe(String(seen));
  });

  it("follows its owner's list, and sees nobody else's", async () => {
    app = await servedApp();
    const source = opened(`${app.url}/jobs/?kind=site.build`);
    const next = updates(source);
    expect(await next()).toMatchObject({ snapshot: true, jobs: [] });
    await app.submitted("bea");
    const id = await app.submitted("ann");
    expect((await next()).jobs).toMatchObject([{ id }]);
  });

  it.each([
    ["of nobody", "", 401],
    ["of another's job", "user=bea", 404],
  ])("%s is told once, and does not come again", async (_, cookie, status) => {
    app = await servedApp();
    const id = await app.submitted();
    expect(await closed(opened(`${app.url}/jobs/${id}`, cookie))).toBe(status);
    expect(app.asked).toHaveLength(1);
  });
});

describe.skipIf(nginxMissing() !== null)("nginx, which buffers, and waits no longer than it is told", () => {
  let proxy: NginxServer;
  const behindProxy = async (readTimeoutS: number): Promise<void> => {
    app = await servedApp();
    proxy = await startNginx({ upstream: app.url, readTimeoutS });
  };
  afterEach(() => proxy.stop());

  it("lets each event through as it is sent, and the end of the stream with it", async () => {
    await behindProxy(60);
    const id = await app.submitted();
    const source = opened(`${proxy.url}/jobs/${id}`);
    const next = updates(source);
    const stopped = closed(source);
    expect((await next()).snapshot).toBe(true);
    for (const pages of [1, 2]) {
      app.run().progress(pages);
      await app.waybill.advance(1_000);
      expect((await next()).jobs).toMatchObject([{ progress: { pages } }]);
    }
    app.run().end();
    await app.waybill.settle();
    await statusOf(next, "COMPLETED");
    expect(await stopped).toBe(204);
  });

  it("does not cut off a stream on which nothing changes: its comments are signs of life", async () => {
    await behindProxy(3);
    const id = await app.submitted();
    const source = opened(`${proxy.url}/jobs/${id}`);
    const next = updates(source);
    await next();
    let cut = false;
    const isCut = (): boolean => cut;
    const silent = fetch(`${proxy.url}/silent`)
      .then((response) => response.text())
      .catch(() => undefined)
      .then(() => {
        cut = true;
      });
    // A comment each time, until the proxy has lost patience with what says nothing.
    while (!isCut()) {
      await app.waybill.advance(15_000);
      await Promise.race([silent, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    app.run().progress(3);
    await app.waybill.advance(1_000);
    expect((await next()).jobs).toMatchObject([{ progress: { pages: 3 } }]);
    expect(app.asked.filter(({ url }) => url === `/jobs/${id}`)).toHaveLength(1);
  });

  it("tells the server when its reader has gone, which gives the place free again", async () => {
    await behindProxy(60);
    const id = await app.submitted();
    for (let reader = 0; reader < 25; reader += 1) {
      const source = opened(`${proxy.url}/jobs/${id}`);
      const next = updates(source);
      const refused = closed(source);
      expect(await Promise.race([refused, next().then(() => 200)])).toBe(200);
      source.close();
      // Ten are open at most; the proxy tells of those that are not any more.
      if (reader % 5 === 4)
        await vi.waitFor(async () => {
          expect(await streams(id)).toBe(200);
        }, 20_000);
    }
  });

  /** What one more reader is answered. */
  async function streams(id: string): Promise<number> {
    const reading = new AbortController();
    const headers = { cookie: "user=ann", accept: "text/event-stream" };
    const { status } = await fetch(`${app.url}/jobs/${id}`, { headers, signal: reading.signal });
    reading.abort();
    return status;
  }
});

describe("a browser's own EventSource and WebSocket", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
    browser = await chromium.launch({
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args,
    });
  });
  afterAll(() => browser.close());
  afterEach(() => page.context().close());

  async function visited(path = "/page"): Promise<void> {
    app = await servedApp();
    const context = await browser.newContext();
    await context.addCookies([{ name: "user", value: "ann", url: app.url }]);
    page = await context.newPage();
    await page.goto(app.url + path);
  }

  /** What the page has been told, as its script keeps it. */
  const told = async (): Promise<readonly unknown[]> => page.evaluate<readonly unknown[]>("told");
  const toldOf = async (expected: object): Promise<void> => {
    await expect.poll(told, { timeout: 20_000 }).toContainEqual(expect.objectContaining(expected));
  };

  it("EventSource follows a job to its end and closes itself", async () => {
    await visited();
    const id = await app.submitted();
    await page.evaluate(`
      globalThis.told = [];
      globalThis.source = new EventSource("/jobs/${id}");
      source.addEventListener("changes", ({ data }) => told.push(...JSON.parse(data).jobs));
      0`);
    await toldOf({ id, status: "PROCESSING" });
    app.run().progress(5);
    await app.waybill.advance(1_000);
    await toldOf({ id, progress: { pages: 5 } });
    app.run().end();
    await app.waybill.settle();
    await toldOf({ id, status: "COMPLETED", output: { url: "https://site.example" } });
    await expect.poll(() => page.evaluate("source.readyState"), { timeout: 20_000 }).toBe(2);
  });

  it("WebSocket is told its owner's jobs by its cookie, and a job to its end", async () => {
    await visited();
    await app.submitted("bea");
    const id = await app.submitted("ann");
    await page.evaluate(`
      globalThis.told = [];
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/jobs", "${LIVE_PROTOCOL}");
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        told.push(frame);
        if (frame.type !== "ready") return;
        socket.send(JSON.stringify({ type: "subscribe", id: "mine", filter: { owner: "self" } }));
        socket.send(JSON.stringify({ type: "subscribe", id: "one", filter: { jobId: "${id}" } }));
      };
      0`);
    const mine = (status: string) => ({
      type: "changes",
      id: "mine",
      jobs: [expect.objectContaining({ id, status })],
    });
    await toldOf({ ...mine("PROCESSING"), snapshot: true });
    app.run(1).end();
    await app.waybill.settle();
    await toldOf(mine("COMPLETED"));
    await toldOf({ type: "complete", id: "one" });
  });

  it("WebSocket of a page that is not allowed is refused", async () => {
    await visited();
    const elsewhere = createServer((_, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>Elsewhere</title>");
    });
    await page.goto(await listening(elsewhere));
    const code = await page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket("${app.url.replace("http", "ws")}/jobs", "${LIVE_PROTOCOL}");
      socket.onclose = ({ code }) => resolve(code);
    })`);
    expect(code).toBe(1006);
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
  });
});
