import { type Browser, chromium, type Page } from "playwright-core";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createClient } from "../../src/client.js";
import { createHooks } from "../../src/react.js";
import type { ingest } from "../types/sample-jobs.js";
import { viewOf } from "../unit/client-server.js";
import { App } from "./react-app.js";
import { CHROMIUM, pageScripts, shell } from "./react-bench.js";
import { type Gateway, openGateway } from "./react-gateway.js";

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
let gateway: Gateway;
let page: Page;
let scripts: Record<string, string>;
const problems: string[] = [];

beforeAll(async () => {
  scripts = await pageScripts();
  browser = await chromium.launch(CHROMIUM);
  const context = await browser.newContext({ viewport: { width: 390, height: 700 } });
  page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
});

afterAll(async () => {
  await browser.close();
});

afterEach(async () => {
  await page.goto("about:blank");
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await gateway.close();
});

async function open(path = "/", html = shell("")): Promise<void> {
  gateway = await openGateway(scripts);
  gateway.page("/", html);
  problems.length = 0;
  await page.goto(gateway.origin + path);
}

const text = (id: string): Promise<string | null> => page.locator(`#${id}`).textContent();
const shows = (id: string, expected: string) => expect.poll(() => text(id)).toBe(expected);

it("shows jobs live in StrictMode over one connection, and closes it with the last component", async () => {
  await open();
  gateway.put({ id: "a", subject: "document:1" });
  await page.evaluate("mount()");
  await shows("job", "PENDING 1");
  gateway.put({ id: "a", status: "PROCESSING", percent: 0.1 });
  await shows("job", "PROCESSING 2");
  await shows("connection", "live");
  expect([await text("latest"), await text("jobs"), gateway.opened()]).toEqual(["a", "a", 1]);
  gateway.kill();
  gateway.put({ id: "a", percent: 0.2 });
  await shows("job", "PROCESSING 3");
  await page.evaluate("unmount()");
  await expect.poll(() => gateway.connections(), { timeout: 20_000 }).toBe(0);
  expect(problems).toEqual([]);
});

it("waits with Suspense: opens nothing before it is shown, and keeps its one connection while it is hidden", async () => {
  await open();
  gateway.put({ id: "a", subject: "document:1" });
  await page.evaluate("mountSuspended()");
  await shows("fallback", "Waiting");
  await page.evaluate("new Promise((done) => setTimeout(done, 100))");
  expect(gateway.opened()).toBe(0);
  await page.evaluate("resume()");
  await shows("job", "PENDING 1");
  await shows("connection", "live");
  await page.evaluate("suspend()");
  await shows("fallback", "Waiting");
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  await page.evaluate("resume()");
  await shows("job", "COMPLETED 2");
  await expect.poll(() => page.evaluate("settled")).toEqual(["a"]);
  expect([gateway.opened(), problems]).toEqual([1, []]);
});

it("opens nothing for what is unmounted before it connects", async () => {
  await open();
  await page.evaluate("mount({ leave: true })");
  await page.evaluate("new Promise((done) => setTimeout(done, 100))");
  expect([gateway.opened(), problems]).toEqual([0, []]);
});

it("tells onSettled once for each job, also if it was final at mount", async () => {
  await open();
  gateway.put({ id: "a", status: "PROCESSING" });
  await page.evaluate("mount()");
  await shows("job", "PROCESSING 1");
  expect(await page.evaluate("settled")).toEqual([]);
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  await shows("job", "COMPLETED 2");
  expect(await page.evaluate("settled")).toEqual(["a"]);
  gateway.kill();
  gateway.put({ id: "b" });
  await shows("jobs", "b,a");
  expect(await page.evaluate("settled")).toEqual(["a"]);
  await page.evaluate("unmount()");
  await page.evaluate("mount()");
  await shows("job", "COMPLETED 2");
  expect(await page.evaluate("settled")).toEqual(["a", "a"]);
});

it("makes one job of a double click", async () => {
  await open();
  await page.evaluate("mount()");
  await page.locator("button").dblclick();
  await expect.poll(() => text("submitted"), { timeout: 20_000 }).toMatch(/^new-/);
  await expect.poll(() => text("jobs"), { timeout: 20_000 }).toBe(await text("submitted"));
});

it("hydrates what the server rendered without a warning, and goes on from it", async () => {
  const initial = JSON.stringify(viewOf({ id: "a", status: "PROCESSING", version: 3, percent: 0.5 }));
  const hooks = createHooks(createClient<typeof ingest>({ baseUrl: "/jobs" }));
  const html = renderToString(createElement(App, { hooks, onSettled: () => {}, initial }));
  expect(html).toContain("PROCESSING 3");
  await open("/", shell(html, `<script>initial = ${JSON.stringify(initial)}</script>`));
  gateway.put({ id: "a", status: "PROCESSING", version: 3 });
  await page.evaluate("hydrate()");
  expect(await text("job")).toBe("PROCESSING 3");
  gateway.put({ id: "a", status: "PROCESSING", version: 4 });
  await shows("job", "PROCESSING 4");
  expect(problems).toEqual([]);
});

it("announces a change of word once and no percent, in one polite region, and claims no value that is not known", async () => {
  await open();
  gateway.put({ id: "a", status: "PROCESSING", word: "PROCESSING", percent: null, message: "Reading" });
  await page.evaluate("mount()");
  await shows("job", "PROCESSING 1");
  const region = page.locator("[role=status]");
  expect([await region.count(), await region.textContent()]).toEqual([1, ""]);
  const bar = page.locator("[data-part=bar]");
  expect(await bar.getAttribute("aria-valuenow")).toBeNull();
  gateway.put({ id: "a", percent: 0.427 });
  await expect.poll(() => bar.getAttribute("aria-valuenow"), { timeout: 20_000 }).toBe("43");
  await page.evaluate("new Promise((done) => setTimeout(done, 500))");
  expect(await region.textContent()).toBe("");
  gateway.put({ id: "a", status: "COMPLETED", word: "READY", message: "Indexed" });
  await expect.poll(() => region.textContent(), { timeout: 20_000 }).toBe("READY: Indexed");
});

it.each(["light", "dark"] as const)("has components in which axe finds nothing, %s", async (colorScheme) => {
  await open();
  await page.emulateMedia({ colorScheme });
  await page.evaluate("gallery()");
  await page.locator("[data-waybill=loading-spinner]").first().waitFor();
  await page.addScriptTag({ url: "/axe.js" });
  for (const width of [390, 1_440]) {
    await page.setViewportSize({ width, height: 700 });
    const found = await page.evaluate(
      "axe.run().then(({ violations }) => violations.map(({ id, help }) => id + ': ' + help))",
    );
    const wide = await page.evaluate("document.documentElement.scrollWidth");
    expect([found, wide, problems]).toEqual([[], width, []]);
    const pictures = process.env["WAYBILL_PICTURES"];
    const picture = `${pictures ?? ""}/components-${colorScheme}-${String(width)}.png`;
    if (pictures !== undefined) await page.screenshot({ path: picture, fullPage: true });
  }
  await page.setViewportSize({ width: 390, height: 700 });
});

it("turns nothing for those who asked for less motion", async () => {
  await open();
  const turning = (): Promise<unknown> => page.evaluate("document.getAnimations().length");
  await page.evaluate("gallery()");
  await expect.poll(turning, { timeout: 20_000 }).toBe(3);
  await page.evaluate("unmount()");
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate("gallery()");
  await page.locator("[data-waybill=loading-spinner]").first().waitFor();
  expect(await turning()).toBe(0);
});

it.each(["sse", "poll"] as const)("follows by %s in a real browser", async (transport) => {
  await open(`/?transport=${transport}`);
  gateway.put({ id: "a" });
  await page.evaluate("mount()");
  await shows("job", "PENDING 1");
  gateway.put({ id: "a", status: "PROCESSING" });
  await shows("job", "PROCESSING 2");
  expect([gateway.opened(), gateway.streams()]).toEqual([0, transport === "sse" ? 3 : 0]);
});

it("keeps a Redux store and a TanStack query of a page up to date, through late frames and a dropped socket", async () => {
  await open("/", shell("", "", "/caches.js"));
  gateway.put({ id: "a" });
  await page.evaluate("mount()");
  await shows("query", "PENDING 1");
  await shows("redux", "a PENDING 1");
  const frames: string[] = [];
  gateway.frames = (frame, send) => {
    frames.push(frame);
    send(frame);
  };
  gateway.put({ id: "a", status: "PROCESSING", percent: 0.1 });
  await shows("query", "PROCESSING 2");
  await shows("redux", "a PROCESSING 2");
  gateway.put({ id: "a", status: "PROCESSING", percent: 0.2 });
  await shows("query", "PROCESSING 3");
  for (const late of [...frames]) gateway.say(late);
  gateway.kill();
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  gateway.put({ id: "b" });
  await shows("query", "COMPLETED 4");
  await shows("redux", "a COMPLETED 4,b PENDING 1");
  for (const late of frames) gateway.say(late);
  gateway.put({ id: "b", status: "QUEUED" });
  await shows("redux", "a COMPLETED 4,b QUEUED 2");
  expect([await text("query"), problems]).toEqual(["COMPLETED 4", []]);
});

it("says that it is offline, and catches up at once when it is online again", async () => {
  await open();
  gateway.put({ id: "a" });
  await page.evaluate("mount()");
  await shows("connection", "live");
  await page.context().setOffline(true);
  gateway.kill();
  gateway.put({ id: "a", status: "PROCESSING" });
  await shows("connection", "offline");
  expect(await text("job")).toBe("PENDING 1");
  await page.context().setOffline(false);
  await shows("job", "PROCESSING 2");
  await shows("connection", "live");
});

it("lets seven tabs of one origin converge over HTTP/1.1, since those that nobody looks at hold no stream", async () => {
  await open("/?transport=sse");
  gateway.put({ id: "a" });
  const tabs = [page];
  while (tabs.length < 7) tabs.push(await page.context().newPage());
  const look = async (tab: Page, state: "visible" | "hidden"): Promise<void> => {
    // A headless browser shows every page: what it would say of a tab in the background is said here.
    await tab.evaluate(
      `Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true }); document.dispatchEvent(new Event("visibilitychange"))`,
    );
  };
  for (const tab of tabs) {
    if (tab !== page) await tab.goto(`${gateway.origin}/?transport=sse`);
    await tab.evaluate("mount()");
    await expect.poll(() => tab.locator("#job").textContent(), { timeout: 20_000 }).toBe("PENDING 1");
    await look(tab, "hidden");
  }
  await expect.poll(() => gateway.streams(), { timeout: 20_000 }).toBe(0);
  gateway.put({ id: "a", status: "PROCESSING" });
  for (const tab of tabs) {
    await look(tab, "visible");
    await expect.poll(() => tab.locator("#job").textContent(), { timeout: 20_000 }).toBe("PROCESSING 2");
    await look(tab, "hidden");
  }
  await Promise.all(tabs.map(async (tab) => (tab === page ? undefined : tab.close())));
}, 120_000);
