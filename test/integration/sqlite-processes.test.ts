import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import type { Store, StoredJob } from "../../src/core/ports/store.js";
import { sqliteStore } from "../../src/sqlite.js";
import { sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";

const CHILD = fileURLToPath(new URL("sqlite-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;
const DONE = { code: 0, signal: null, errors: "" };
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Opened {
  readonly path: string;
  readonly db: OpenDatabase;
  readonly store: Store;
}

function openFile(): Opened {
  const { path, remove } = temporaryFile();
  const db = openDatabase(path);
  cleanups.push(remove, () => db.close());
  return { path, db, store: sqliteStore({ db, busyTimeoutMs: 60_000 }) };
}

/** Stores jobs that are ready, and returns their ids. */
async function createJobs(store: Store, count: number): Promise<readonly string[]> {
  const nowMs = Date.now();
  const ids = Array.from({ length: count }, (_, index) => `job-${index}`);
  for (let from = 0; from < count; from += 100) {
    const items = ids
      .slice(from, from + 100)
      .map((id) => ({ record: sampleReadyJob({ id }, nowMs), input: "{}" }));
    await store.create({ nowMs, items });
  }
  return ids;
}

async function allJobs(store: Store): Promise<readonly StoredJob[]> {
  const jobs: StoredJob[] = [];
  let after: { readonly createdAt: number; readonly id: string } | undefined;
  for (;;) {
    const page = await store.list({
      nowMs: Date.now(),
      limit: 100,
      output: true,
      ...(after ? { after } : {}),
    });
    jobs.push(...page.jobs);
    if (page.next === null) return jobs;
    after = page.next;
  }
}

interface Child {
  readonly process: ChildProcess;
  readonly claimed: string[];
  readonly exit: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly errors: string;
  }>;
  /** Resolves when it has written `n` lines: "loaded", then one for each claim. */
  lines(n: number): Promise<void>;
  go(): void;
}

function startChild(...args: readonly string[]): Child {
  // Node 22 warns that its own driver is an experiment; what else is said is an error.
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, ...args], { env });
  cleanups.push(() => child.kill("SIGKILL"));
  const claimed: string[] = [];
  let errors = "";
  let seen = 0;
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => {
    seen += 1;
    if (seen > 1) claimed.push(...line.split(" "));
  });
  const closed = once(child, "close");
  return {
    process: child,
    claimed,
    exit: closed.then(([code, signal]: unknown[]) => ({
      code: code as number | null,
      signal: signal as string | null,
      errors,
    })),
    lines: async (n) => {
      while (seen < n) {
        const ended = await Promise.race([once(output, "line").then(() => false), closed.then(() => true)]);
        if (ended && seen < n) throw new Error(`the process ended after ${seen} lines: ${errors}`);
      }
    },
    go: () => child.stdin.end("go\n"),
  };
}

/** Starts processes that are let go at the same moment. */
async function startTogether(count: number, ...args: readonly string[]): Promise<readonly Child[]> {
  const children = Array.from({ length: count }, () => startChild(...args));
  for (const child of children) await child.lines(1);
  for (const child of children) child.go();
  return children;
}

/** What is stored of a job fits together, whatever moment it was stored at. */
function expectWhole({ record, output }: StoredJob): void {
  const versions = decodeHistory(record.history).map((entry) => entry.version);
  const expected = { QUEUED: 2, PROCESSING: 3, COMPLETED: 4, PENDING: 0, FAILED: 0 }[record.status];
  expect(versions).toEqual([1, 2, 3, 4].slice(0, expected));
  expect(record.version).toBe(expected);
  expect(record.token !== null).toBe(record.status === "PROCESSING");
  expect(output !== null).toBe(record.status === "COMPLETED");
}

describe("several processes on one SQLite file", () => {
  it("claim every job once and complete them all", { timeout: TIMEOUT_MS }, async () => {
    const { path, store } = openFile();
    const ids = await createJobs(store, 2_000);
    const children = await startTogether(3, path, "5");
    for (const { exit } of children) expect(await exit).toEqual(DONE);
    const claimed = children.flatMap((child) => child.claimed);
    expect(claimed.length).toBe(ids.length);
    expect(new Set(claimed)).toEqual(new Set(ids));
    expect(children.filter((child) => child.claimed.length > 0).length).toBeGreaterThan(1);
    for (const job of await allJobs(store)) {
      expectWhole(job);
      expect([job.record.status, job.record.fence]).toEqual(["COMPLETED", 1]);
      expect(job.output).toBe(JSON.stringify({ by: job.record.worker }));
    }
  });

  it("make the tables of an empty file together", { timeout: TIMEOUT_MS }, async () => {
    const { path, remove } = temporaryFile();
    cleanups.push(remove);
    for (const { exit } of await startTogether(4, path, "5")) expect(await exit).toEqual(DONE);
  });

  it(
    "leave whole batches and no torn job when one is killed while it writes",
    { timeout: TIMEOUT_MS },
    async () => {
      const { path, db, store } = openFile();
      const batch = 20;
      for (const round of [1, 2]) {
        const [child] = await startTogether(1, path, String(batch), "endless");
        // Killed in the middle of its work, wherever it is by then: it never ends by itself.
        await child!.lines(10 * round);
        child!.process.kill("SIGKILL");
        expect(await child!.exit).toMatchObject({ signal: "SIGKILL", errors: "" });

        const [check] = db.prepare("pragma integrity_check").all() as readonly { integrity_check: string }[];
        expect(check?.integrity_check).toBe("ok");
        const jobs = await allJobs(store);
        jobs.forEach(expectWhole);
        const count = (status: string): number => jobs.filter((job) => job.record.status === status).length;
        // A batch is stored whole or not at all; completions and the next claim share a transaction.
        expect(count("PROCESSING")).toBe(batch * round);
        expect(count("QUEUED") % batch).toBe(0);
        expect(count("COMPLETED") % batch).toBe(0);
        expect(count("COMPLETED")).toBeGreaterThan(0);
      }
    },
  );
});
