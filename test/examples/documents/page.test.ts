import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import pg from "pg";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { bytesOf, SAMPLES } from "../../../examples/documents/run/samples.js";
import { postgresMissing } from "../../support/postgres-server.js";
import { rabbitmqMissing } from "../../support/rabbitmq-server.js";
import { type Bench, makeWorkspace, openBench, say, upload } from "./bench.js";

const missing = postgresMissing() ?? rabbitmqMissing();
const WITHIN = { timeout: 60_000, interval: 50 };
const [LEASE, ANNEX] = SAMPLES;
const SCAN = SAMPLES[7]!;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(missing !== null)("the documents' service and its pages", () => {
  let bench: Bench;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let contracts: string;
  const problems: string[] = [];

  beforeAll(async () => {
    bench = await openBench(100);
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
    const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
    browser = await chromium.launch({ executablePath, args });
    context = await browser.newContext({ reducedMotion: "reduce" });
    page = await context.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    contracts = await makeWorkspace(bench.ana, "Contracts");
    await vi.waitUntil(async () => {
      await bench.ana.store.refresh();
      return bench.ana.store.getState().rows?.workspaces[0]?.status === "ready";
    }, WITHIN);
  });

  afterAll(async () => {
    await browser.close();
    await bench.close();
  });

  // One that failed while the page was offline takes none of the others along.
  afterEach(() => context.setOffline(false));

  /** What axe finds, what moves, and whether the page is wider than its window, in both schemes and at both widths. */
  async function look(path: string, name: string): Promise<void> {
    await page.goto(bench.parts.origin + path);
    await page.locator("h1").waitFor();
    await page.locator(".loading").waitFor({ state: "detached" });
    await looksWell(name);
  }

  /** The same of the page as it is now. */
  async function looksWell(name: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [390, 1_440]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await page.evaluate(AXE);
        const found = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))",
        );
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        const moving = await page.evaluate("document.getAnimations().length");
        expect([found, wide, moving], `${name} ${colorScheme} ${String(width)}`).toEqual([[], width, 0]);
        const pictures = process.env["WAYBILL_PICTURES"];
        const picture = `${pictures ?? ""}/documents-${name}-${String(width)}-${colorScheme}.png`;
        if (pictures !== undefined) await page.screenshot({ path: picture, fullPage: true });
      }
    }
  }

  const signIn = async (user: "ana" | "ben"): Promise<void> => {
    await page.goto(`${bench.parts.origin}/?session=${bench.parts.sessions[user]}`);
    await page.locator("h1").waitFor();
    // The secret is not left in the address.
    expect(page.url()).toBe(`${bench.parts.origin}/`);
  };
  const badge = (row: string) => page.locator(`tr:has-text("${row}") [data-waybill=status-badge]`);

  it("gives another user not one byte, by whatever id, room or list is guessed", async () => {
    const documentId = await upload(bench.ana, contracts, LEASE!);
    await vi.waitUntil(() => bench.ana.shown(documentId) === "ready", WITHIN);
    const job = bench.ana.store.getState().jobs.get(`document:${documentId}`)!;
    const { origin, sessions } = bench.parts;
    const asBen = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(origin + path, {
        ...init,
        headers: { authorization: `Bearer ${sessions.ben}` },
      });
      return `${String(answer.status)} ${await answer.text()}`;
    };
    const none = "0198aaaa-0000-7000-8000-000000000000";
    const post = { method: "POST" };
    for (const [real, guessed] of [
      [`/jobs/${job.id}`, `/jobs/${none}`],
      [`/jobs/${job.id}/history`, `/jobs/${none}/history`],
      [`/jobs?kind=document.process&subject=document:${documentId}`, "/jobs?kind=document.process&subject=x"],
    ] as const)
      expect((await asBen(real)).replaceAll(job.id, none)).toBe(await asBen(guessed));
    for (const path of [`/api/documents/${documentId}/again`, `/api/workspaces/${contracts}/again`])
      expect(await asBen(path, post)).toMatch(/^404 /);
    expect(await asBen(`/api/workspaces/${contracts}/documents?name=x`, post)).toMatch(/^404 /);
    expect(await asBen("/api/documents")).toBe("200 []");
    expect(await asBen("/api/workspaces")).toBe("200 []");
    expect((await fetch(`${origin}/api/documents`)).status).toBe(401);
    const frames = [
      { type: "subscribe", id: "s1", filter: { jobId: job.id } },
      { type: "subscribe", id: "s2", filter: { owner: "self" }, known: { [job.id]: 1 } },
      { type: "subscribe", id: "s3", filter: { owner: "any" } },
      { type: "subscribe", id: "s4", filter: { owner: "ana" } },
    ];
    const told = await say(`${origin.replace("http", "ws")}/jobs`, sessions.ben, frames, frames.length);
    expect(told.filter((text) => text.includes('"jobs":[{'))).toEqual([]);
    const all = [...told, ...bench.ben.received].join("\n");
    for (const secret of ["lease.pdf", `document:${documentId}`, '"ana"']) expect(all).not.toContain(secret);
  });

  it("converges for a page whose socket is cut at each change that it sees", async () => {
    const { page: road } = bench.parts.roads;
    const seen: (string | null)[] = [];
    const documentId = await upload(bench.ana, contracts, ANNEX!);
    const stop = bench.ana.store.subscribe(() => {
      const word = bench.ana.shown(documentId);
      if (word === null || word === seen.at(-1)) return;
      seen.push(word);
      road.reset();
    });
    await vi.waitUntil(() => bench.ana.shown(documentId) === "ready", WITHIN);
    stop();
    // Never back, whatever was lost between.
    const order = ["pending", "processing", "ready"];
    expect(seen).toEqual(order.filter((word) => seen.includes(word)));
    expect(seen.at(-1)).toBe("ready");
  });

  it("shows a workspace from nothing to documents, in which axe finds nothing", async () => {
    await signIn("ben");
    await look("/", "nothing");
    expect(await page.locator(".empty").textContent()).toBe("Make a workspace to begin.");
    await page.getByLabel("New workspace").fill("Research");
    await page.getByRole("button", { name: "Make it" }).click();
    await page.getByRole("link", { name: "Research" }).click();
    await page.locator("h1").getByText("Research").waitFor();
    await page.locator("h1 + [data-status=ready]").waitFor({ timeout: 60_000 });
    const path = new URL(page.url()).pathname;
    // What is being embedded stays so, and can be looked at.
    await bench.parts.children.embed.kill();
    const files = [SAMPLES[6]!, SCAN].map((sample) => ({
      ...{ name: sample.name, mimeType: "application/pdf", buffer: bytesOf(sample) },
    }));
    await page.locator("input[type=file]").setInputFiles(files);
    await badge("notes.pdf").getByText("Processing").waitFor({ timeout: 60_000 });
    await badge("scan.pdf").getByText("Failed").waitFor({ timeout: 60_000 });
    await look(path, "workspace");
    const notes = (await page.getByRole("link", { name: "notes.pdf" }).getAttribute("href")) ?? "";
    const scan = (await page.getByRole("link", { name: "scan.pdf" }).getAttribute("href")) ?? "";
    await look(notes, "processing");
    expect(await page.locator("[data-part=steps]").innerText()).toContain("Embedding");
    await look(scan, "failed");
    await bench.parts.restart("embed");
    await page.goto(bench.parts.origin + notes);
    await page.getByText("23 chunks can be searched").waitFor({ timeout: 60_000 });
    expect(await page.locator("dt").allInnerTexts()).toEqual(["Chunks", "Embedded by", "Ready since"]);
    await look(notes, "ready");
    await look("/", "workspaces");
    expect(problems).toEqual([]);
  });

  it("shows a workspace while it is set up, what went wrong with it, and sets it up again", async () => {
    await signIn("ben");
    const database = new pg.Pool({ connectionString: process.env["DATABASE_URL"], max: 1 });
    await bench.parts.children.ingest.kill();
    const path = `/workspaces/${await makeWorkspace(bench.ben, "Drafts")}`;
    await look(path, "provisioning");
    expect(await page.locator("input[type=file]").isDisabled()).toBe(true);
    // There is nothing that a workspace could get.
    const { rows } = await database.query<{ chunk_chars: number; embedding_model: string }>(
      "delete from default_rag_configs returning *",
    );
    await bench.parts.restart("ingest");
    await page.goto(bench.parts.origin + path);
    await page.locator("h1 + [data-status=error]").waitFor({ timeout: 60_000 });
    await look(path, "error");
    const [config] = rows;
    await database.query("insert into default_rag_configs values ($1, $2)", [
      ...[config?.chunk_chars, config?.embedding_model],
    ]);
    await database.end();
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("h1 + [data-status=ready]").waitFor({ timeout: 60_000 });
    expect(await page.locator("input[type=file]").isEnabled()).toBe(true);
    expect(problems).toEqual([]);
  });

  it("lets what comes to a list wait until it is asked for, and says once what ends together", async () => {
    await signIn("ben");
    const papers = await makeWorkspace(bench.ben, "Papers");
    await page.getByRole("button", { name: "1 new" }).click();
    await page.getByRole("link", { name: "Papers" }).click();
    await page.locator("h1 + [data-status=ready]").waitFor({ timeout: 60_000 });
    await bench.parts.children.embed.kill();
    const samples = [LEASE!, ANNEX!, SAMPLES[6]!];
    const ids = [await upload(bench.ben, papers, samples[0]!)];
    await badge(samples[0]!.name).getByText("Processing").waitFor({ timeout: 60_000 });
    for (const sample of samples.slice(1)) ids.push(await upload(bench.ben, papers, sample));
    await page.getByRole("button", { name: "2 new" }).waitFor({ timeout: 60_000 });
    expect(await page.locator("tbody tr").count()).toBe(1);
    await page.getByRole("button", { name: "2 new" }).click();
    for (const { name } of samples) {
      await badge(name).getByText("Processing").waitFor({ timeout: 60_000 });
    }
    await page.evaluate(`globalThis.said = [];
      new MutationObserver(() => said.push(document.querySelector("[role=status]").textContent))
        .observe(document.querySelector("[role=status]"), { childList: true, characterData: true, subtree: true });`);
    await context.setOffline(true);
    await page.locator(".connection[data-status=offline]").waitFor();
    await bench.parts.restart("embed");
    await vi.waitUntil(() => ids.every((id) => bench.ben.shown(id) === "ready"), WITHIN);
    await context.setOffline(false);
    await expect
      .poll(() => page.evaluate("said.join(' | ')"), { timeout: 60_000 })
      .toContain("3 documents ready");
    expect(await page.evaluate("said.join().match(/documents ready/g).length")).toBe(1);
    expect(problems).toEqual([]);
  });

  it("says how much of a file has been sent, and in its row why one was refused", async () => {
    await signIn("ben");
    await page.getByRole("link", { name: "Research" }).click();
    await page.locator("h1 + [data-status=ready]").waitFor({ timeout: 60_000 });
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    await page.route("**/api/workspaces/*/documents?*", async (route) => {
      await held;
      await route.continue();
    });
    const mimeType = "application/pdf";
    const input = page.locator("input[type=file]");
    await input.setInputFiles({ name: "survey.pdf", mimeType, buffer: bytesOf(SAMPLES[6]!) });
    const row = page.locator(".uploads li");
    await row.getByText(/^\s*\d+ of \d+ kB$/).waitFor();
    expect(await row.locator("[role=progressbar]").getAttribute("aria-label")).toBe("Uploading survey.pdf");
    await looksWell("uploading");
    await bench.parts.children.ingest.kill();
    goOn();
    await badge("survey.pdf").getByText("Pending").waitFor({ timeout: 60_000 });
    await row.waitFor({ state: "detached" });
    await page.unroute("**/api/workspaces/*/documents?*");
    await input.setInputFiles({ name: "film.pdf", mimeType, buffer: Buffer.alloc(5_300_000) });
    await row.getByText("✕ A document has at most 5 MB.").waitFor({ timeout: 60_000 });
    await looksWell("refused");
    expect(await badge("film.pdf").count()).toBe(0);
    await bench.parts.restart("ingest");
    await badge("survey.pdf").getByText("Ready").waitFor({ timeout: 60_000 });
    expect(problems).toEqual([]);
  });

  it("runs a failed document again as the newest job about it", async () => {
    await signIn("ben");
    await page.getByRole("link", { name: "Research" }).click();
    await page.getByRole("link", { name: "scan.pdf" }).click();
    await page.getByText("Not a PDF").waitFor();
    const before = bench.ben.store.getState().jobs;
    const [subject, failed] = [...before].find(([, { word }]) => word === "failed")!;
    await page.getByRole("button", { name: "Try again" }).click();
    await vi.waitUntil(() => {
      const job = bench.ben.store.getState().jobs.get(subject);
      return job?.origin === failed.id && job.word === "failed";
    }, WITHIN);
    await page.getByText("Not a PDF").waitFor();
    expect(problems).toEqual([]);
  });

  it("does not know another's document, says that it is offline, and comes back by itself", async () => {
    await signIn("ben");
    await look("/documents/d-1", "missing");
    expect(await page.locator("h1").textContent()).toBe("There is no such document.");
    await page.goto(bench.parts.origin);
    await page.getByRole("link", { name: "Research" }).waitFor();
    await context.setOffline(true);
    await page.locator(".connection[data-status=offline]").waitFor();
    expect(await page.getByRole("button", { name: "Make it" }).isDisabled()).toBe(true);
    await context.setOffline(false);
    await page.locator(".connection[data-status=live]").waitFor({ timeout: 60_000 });
    expect(problems).toEqual([]);
  });
});
