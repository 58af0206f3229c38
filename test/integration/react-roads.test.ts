// What befalls a browser and the road to it: frozen whole, connections that carry nothing and say nothing, frames lost,
// doubled and out of order. What is shown is what is stored in the end, and what has ended is told once.
import { type Browser, type BrowserServer, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { TcpProxy } from "../support/tcp-proxy.js";
import { CHROMIUM, pageScripts, shell } from "./react-bench.js";
import { type Gateway, openGateway } from "./react-gateway.js";

// A browser on a busy machine takes its time.
const FROZEN_MS = Number(process.env["FROZEN_MS"] ?? 500);
const PATIENCE = { timeout: 60_000 };
vi.setConfig({ testTimeout: 120_000 + FROZEN_MS, hookTimeout: 60_000 });

let server: BrowserServer;
let browser: Browser;
let scripts: Record<string, string>;
let gateway: Gateway;
let road: TcpProxy;
let page: Page;

beforeAll(async () => {
  scripts = await pageScripts();
  // Its processes are a group of their own, which can be frozen together.
  server = await chromium.launchServer(CHROMIUM);
  browser = await chromium.connect(server.wsEndpoint());
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

afterEach(async () => {
  await page.context().close();
  await road.close();
  await gateway.close();
});

async function open(): Promise<void> {
  gateway = await openGateway(scripts);
  gateway.page("/", shell(""));
  road = await TcpProxy.to(Number(new URL(gateway.origin).port));
  page = await (await browser.newContext()).newPage();
  await page.clock.install();
  await page.goto(`http://127.0.0.1:${String(road.port)}/`);
  gateway.put({ id: "a", status: "PROCESSING" });
  gateway.put({ id: "b", status: "PROCESSING" });
  await page.evaluate("mount()");
  await shows("job", "PROCESSING 1");
  await shows("connection", "live");
}

const text = (id: string): Promise<string | null> => page.locator(`#${id}`).textContent();
const shows = (id: string, expected: string) => expect.poll(() => text(id), PATIENCE).toBe(expected);
const settled = (): Promise<unknown> => page.evaluate("settled");

const freeze = (): void => void process.kill(-(server.process().pid ?? 0), "SIGSTOP");
const thaw = (): void => void process.kill(-(server.process().pid ?? 0), "SIGCONT");
const frozen = () => new Promise((resolve) => setTimeout(resolve, FROZEN_MS));

async function ended(): Promise<void> {
  await shows("job", "COMPLETED 3");
  await shows("connection", "live");
  expect(await settled()).toEqual(["a"]);
}

function change(): void {
  gateway.put({ id: "a", percent: 0.5 });
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
}

it("frozen whole, while its gateway is killed and the job ends, it shows the end when it thaws", async () => {
  await open();
  freeze();
  try {
    gateway.kill();
    change();
    await frozen();
  } finally {
    thaw();
  }
  // The page's clock stands still by itself: what it waits for before it connects anew is over.
  await page.clock.fastForward(30_000);
  await ended();
});

it("frozen whole, while its socket goes dead, it replaces the socket when it thaws", async () => {
  await open();
  freeze();
  try {
    road.blackHole();
    change();
    await frozen();
  } finally {
    thaw();
  }
  await replaced();
  await ended();
});

it("replaces a socket that carries nothing any more and was never closed", async () => {
  await open();
  road.blackHole();
  change();
  expect(await text("job")).toBe("PROCESSING 1");
  await replaced();
  await ended();
  expect(gateway.opened()).toBe(2);
});

/** Two heartbeats pass, and the time that a ping may take. */
async function replaced(): Promise<void> {
  await page.clock.fastForward(25_000);
  await page.clock.fastForward(5_000);
  await page.clock.fastForward(30_000);
}

it("offline and online again, over a socket that went dead with it, it catches up by itself", async () => {
  await open();
  road.blackHole();
  await page.context().setOffline(true);
  await shows("connection", "offline");
  change();
  await page.context().setOffline(false);
  await page.clock.fastForward(5_000);
  await page.clock.fastForward(30_000);
  await ended();
});

it("takes frames that are doubled and out of order for what they are, and reads again what was lost", async () => {
  await open();
  const held: string[] = [];
  gateway.frames = (frame, send) => {
    const [job] = (JSON.parse(frame) as { readonly jobs: readonly { readonly version: number }[] }).jobs;
    const version = job?.version ?? 0;
    // Of three, one comes late, the next twice, the last never; so does all that follows the fifth version.
    if (version % 3 === 1) held.push(frame);
    if (version % 3 === 2 && version <= 5) [frame, frame].forEach(send);
  };
  for (const percent of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) gateway.put({ id: "a", percent });
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  await shows("job", "PROCESSING 5");
  gateway.frames = null;
  for (const frame of held.reverse()) gateway.say(frame);
  await page.clock.fastForward(90_000);
  await shows("job", "COMPLETED 8");
  for (const frame of held) gateway.say(frame);
  gateway.put({ id: "b", percent: 0.5 });
  await shows("jobs", "b,a");
  expect(await text("job")).toBe("COMPLETED 8");
  expect(await settled()).toEqual(["a"]);
});

it("goes back only where the store lost writes", async () => {
  await open();
  gateway.put({ id: "a", percent: 0.5 });
  await shows("job", "PROCESSING 2");
  gateway.put({ id: "a", version: 1, percent: 0.1 });
  await page.clock.fastForward(90_000);
  await shows("job", "PROCESSING 1");
  gateway.put({ id: "a", status: "COMPLETED", output: { chunks: 3 } });
  await shows("job", "COMPLETED 2");
  expect(await settled()).toEqual(["a"]);
});
