import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { openRecoveryPage, type RecoveryPage } from "./recovery-page.js";

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
const PATIENCE = { timeout: 20_000 };

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const OPEN = ["ready", "converting", "converting", "launched", "launched", "launched"] as const;
const READY = Array.from({ length: 6 }, () => "ready" as const);
const PARTLY = ["ready", "converting", "converting", "failed", "launched", "launched"] as const;
const ONE_FAILED = ["ready", "ready", "ready", "failed", "ready", "ready"] as const;

let browser: Browser;
let context: BrowserContext;
let page: Page;
let recovery: RecoveryPage;

beforeAll(async () => {
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
  args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
  browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args });
});
beforeEach(async () => {
  recovery = await openRecoveryPage();
  context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, reducedMotion: "reduce" });
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  await recovery.close();
});
afterAll(async () => {
  await browser.close();
});

const go = (path: string) => page.goto(recovery.origin + path);
const text = (selector: string) => page.locator(selector).first().innerText();
const shows = (selector: string, expected: string | RegExp) =>
  expect.poll(() => text(selector), PATIENCE).toMatch(expected);
const button = (name: string) => page.locator("button:visible", { hasText: name });
const HEADING = ".title [data-part=label]";

/** Nothing moves, axe finds nothing, and a picture is taken where somebody wants to look: light and dark, wide and narrow. */
async function looksWell(name: string): Promise<void> {
  const pictures = process.env["WAYBILL_PICTURES"];
  await page.evaluate(axe);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1_440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const found = await page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))",
      );
      expect([name, colorScheme, width, found]).toEqual([name, colorScheme, width, []]);
      expect([name, await page.evaluate("document.getAnimations().length")]).toEqual([name, 0]);
      const isTooWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
      expect([name, width, isTooWide]).toEqual([name, width, false]);
      if (pictures !== undefined)
        await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
  }
}

/** The execution of Billing is open and its page says so. */
async function opened(states: Parameters<RecoveryPage["become"]>[1] = OPEN, note = ""): Promise<string> {
  recovery.become("billing", states, note);
  const id = await recovery.launch("billing");
  await go(`/executions/${id}`);
  return id;
}

it("plans, and a plan without executions", async () => {
  await go("/");
  await shows("h1", "Plans");
  await expect
    .poll(() => page.locator(".rows .facts").allInnerTexts(), PATIENCE)
    .toEqual(Array.from({ length: 3 }, () => "No executions yet"));
  await looksWell("plans");
  await go("/plans/billing");
  await shows(".empty", "No executions of this plan yet.");
  await looksWell("empty");
});

it("loading: nothing for 300 ms, then the spinner", async () => {
  await context.addInitScript("globalThis.WebSocket = class { close() {} send() {} }");
  await context.route("**/jobs/**", () => {});
  await go("/executions/none");
  await page.locator(".loading [role=progressbar]").waitFor();
  await looksWell("loading");
});

it("an execution that goes on, with its title, its steps, its counters and its history", async () => {
  await opened();
  await shows(HEADING, "Converting");
  await shows("[data-part=title]", "1 of 6 ready · about 9 min left");
  await expect.poll(() => page.title(), PATIENCE).toBe("Converting 1/6 · Billing");
  expect(await page.locator("tbody tr").count()).toBe(6);
  await expect.poll(() => text(".history summary"), PATIENCE).toMatch(/History \([3-9]\)/);
  await looksWell("converting");
  await page.locator(".history summary").click();
  await shows(".history ol", "Converting · Servers are converted");
  await looksWell("history");
});

it("an execution of which one server has failed goes on, and says so", async () => {
  await opened(PARTLY, "disk not found");
  await shows(".attention", "srv-4 failed. The others go on.");
  expect(await text("tbody tr:nth-child(1) th")).toBe("srv-1");
  await looksWell("partial-failure");
});

it("done: no bar, how long it took, and the same again", async () => {
  const id = await opened(READY);
  await shows(".end", /^6 servers ready in \d+ s$/);
  expect(await page.locator("[data-part=bar]").count()).toBe(0);
  await expect.poll(() => page.title(), PATIENCE).toBe("Completed · Billing");
  await looksWell("done");
  recovery.become("billing", OPEN);
  await button("Run again").click();
  await expect.poll(() => page.url(), PATIENCE).not.toContain(id);
  await shows(HEADING, "Converting");
});

it("failed: the failure first, and its servers on top", async () => {
  await opened(ONE_FAILED, "disk not found");
  await shows(".end.problem", "1 of 6: srv-4, disk not found");
  expect(await text("tbody tr:nth-child(1)")).toContain("srv-4");
  expect(await button("Run again").count()).toBe(1);
  await looksWell("failed");
});

it("a cancel is asked for until the service confirms it", async () => {
  await opened();
  await button("Cancel").click();
  await shows("button:visible", "Cancelling");
  expect(await button("Cancelling").isDisabled()).toBe(true);
  await expect.poll(() => recovery.stopped, PATIENCE).toEqual(["billing"]);
  await looksWell("cancelling");
  recovery.become(
    "billing",
    Array.from({ length: 6 }, () => "failed" as const),
    "stopped",
  );
  await shows(HEADING, "Cancelled");
  await looksWell("cancelled");
});

it("reconnecting: the content stays, and no time is promised", async () => {
  await opened();
  await shows("[data-part=title]", /min left/);
  recovery.cut();
  await shows(".connection", /^Reconnecting · last update \d+ s ago$/);
  await shows("[data-part=title]", /^1 of 6 ready$/);
  await looksWell("stale");
  recovery.restore();
  recovery.become("billing", READY);
  await shows(HEADING, "Completed");
});

it("offline: as of when, and what cannot be done", async () => {
  await opened();
  await shows(".connection", "Live");
  await context.setOffline(true);
  recovery.cut();
  await shows(".connection", /^Offline · as of \d\d:\d\d:\d\d$/);
  expect(await button("Cancel").isDisabled()).toBe(true);
  await shows(".note:visible", "Offline: it cannot be cancelled from here.");
  await looksWell("offline");
  recovery.restore();
  await context.setOffline(false);
  await shows(".connection", "Live");
});

it("where nothing better gets through the page asks again and again, and says how often", async () => {
  await context.addInitScript("delete globalThis.WebSocket");
  await context.route("**/jobs?**", async (route) => {
    const isStream = (await route.request().allHeaders())["accept"]?.includes("event-stream") === true;
    await (isStream ? route.abort() : route.continue());
  });
  await recovery.launch("billing");
  await go("/plans/billing");
  await shows(".connection", /^Updating every \d+ s$/);
  await looksWell("polling");
});

it.each(["somebody else's", "nobody's"])("an execution of %s is none", async (whose) => {
  const id = whose === "nobody's" ? "none" : await recovery.launch("billing", "DRILL", "ben");
  await go(`/executions/${id}`);
  await shows("h1", "There is no such execution.");
  await looksWell("missing");
});

it("what comes to a list that somebody reads waits until it is asked for", async () => {
  recovery.become("billing", ONE_FAILED, "disk not found");
  await recovery.launch("billing");
  await go("/plans/billing");
  await shows(".rows li", /Drill\s+Failed\s+1 of 6 failed · \d+ s · \d\d:\d\d/);
  recovery.become("billing", OPEN);
  await recovery.launch("billing", "RECOVERY");
  await button("1 new").waitFor();
  expect(await page.locator(".rows li").count()).toBe(1);
  await looksWell("new");
  await button("1 new").click();
  await shows(".rows li", /Recovery\s+Converting\s+1 of 6 ready · about 9 min left/);
  expect(await page.locator(".rows li").count()).toBe(2);
  await looksWell("plan");
  await page.goto(`${recovery.origin}/`);
  await shows(".rows li", /Billing\s+Converting\s+1 of 6 ready · about 9 min left/);
  await looksWell("plans-at-work");
  await page.goBack();
  // What somebody starts here is what they want to see.
  await button("Drill").click();
  await expect.poll(() => page.locator(".rows li").count(), PATIENCE).toBe(3);
  expect(await button("new").count()).toBe(0);
});

it("a recovery asks first, with the focus on its Cancel; Esc launches nothing and gives the focus back", async () => {
  await go("/plans/search");
  const focused = () => page.evaluate("document.activeElement.innerText");
  await button("Recovery").click();
  await shows("dialog h2", "Recovery of Search?");
  expect(await focused()).toBe("Cancel");
  await looksWell("dialog");
  await page.keyboard.press("Escape");
  expect(await page.locator("dialog[open]").count()).toBe(0);
  expect(await focused()).toBe("Recovery");
  expect(await text(".empty")).toBe("No executions of this plan yet.");
  await button("Recovery").click();
  await button("Launch six servers").click();
  await shows(".rows li", "Recovery");
});

it("moves a dot and the bar, and nothing for those who asked for less motion", async () => {
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await opened();
  await shows(HEADING, "Converting");
  const moving = () =>
    page.evaluate(
      "[...new Set(document.getAnimations().map((one) => one.animationName ?? one.transitionProperty))].sort()",
    );
  await expect.poll(moving, PATIENCE).toEqual(["breathe"]);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await expect.poll(moving, PATIENCE).toEqual([]);
});

it("without colours of its own: a word and a shape remain of each status", async () => {
  await opened(PARTLY, "disk not found");
  await shows(".attention", "srv-4 failed. The others go on.");
  await page.emulateMedia({ forcedColors: "active" });
  const shapes = await page.evaluate(
    "[...document.querySelectorAll('[data-server]')].map((cell) => getComputedStyle(cell, '::before').content + cell.innerText)",
  );
  const converting = '"● "Converting';
  expect(shapes).toEqual([
    ...['"✓ "Ready', converting, converting, '"✕ "Failed'],
    ...['"● "Launched', '"● "Launched'],
  ]);
  const inner = await page.locator("[data-part=bar]").boundingBox();
  expect(inner?.height).toBe(8);
  const pictures = process.env["WAYBILL_PICTURES"];
  if (pictures !== undefined) await page.screenshot({ path: `${pictures}/forced-colours.png` });
});

it("goes by the keyboard as it is drawn, past what stands above it first", async () => {
  await opened();
  await shows(HEADING, "Converting");
  await shows(".history summary", "History");
  const reached: unknown[] = [];
  for (let step = 0; step < 5; step += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate("document.activeElement.innerText.replace(/ \\(.*/, '')"));
  }
  expect(reached).toEqual(["Skip to content", "Plans", "Billing", "Cancel", "History"]);
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("main");
});

it("says each change of word once, a warning and the end, never a percent, and moves no focus", async () => {
  await opened(["launched", "pending", "pending", "pending", "pending", "pending"]);
  await shows(HEADING, "Launching");
  await shows(".connection", "Live");
  await page.evaluate(`globalThis.said = [];
    new MutationObserver(() => said.push(document.querySelector("[role=status]").textContent))
      .observe(document.querySelector("[role=status]"), { childList: true, characterData: true, subtree: true });`);
  const said = () => page.evaluate("said");
  await page.locator(".history summary").focus();
  recovery.become("billing", OPEN);
  await shows("[data-part=title]", /^1 of 6/);
  await expect.poll(said, PATIENCE).toEqual(["Converting: Servers are converted, each in its own time"]);
  recovery.become("billing", ["ready", "ready", "converting", "launched", "launched", "launched"]);
  await shows("[data-part=title]", /^2 of 6/);
  recovery.become("billing", PARTLY, "disk not found");
  await expect.poll(said, PATIENCE).toHaveLength(2);
  recovery.become("billing", ONE_FAILED, "disk not found");
  await shows(HEADING, "Failed");
  await expect
    .poll(said, PATIENCE)
    .toEqual([
      "Converting: Servers are converted, each in its own time",
      "srv-4 failed. The others go on.",
      "Failed: 1 of 6: srv-4, disk not found",
    ]);
  expect(await page.locator("[role=status]").count()).toBe(1);
  expect(await page.evaluate("document.activeElement.tagName")).toBe("SUMMARY");
});
