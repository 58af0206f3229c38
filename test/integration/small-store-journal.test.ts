import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Engine } from "../../examples/small-store/engine.js";
import { openJournal } from "../../examples/small-store/journal.js";

const CHILD = fileURLToPath(new URL("small-store-child.ts", import.meta.url));
const MAIN = fileURLToPath(new URL("../../examples/small-store/main.ts", import.meta.url));
const TIMEOUT_MS = 120_000;
const ALL = { after: "", below: "\uffff", limit: 1_000_000 };

const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const child of children.splice(0)) await kill(child);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "small-store-journal-"));
  folders.push(folder);
  return folder;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function put(engine: Engine, key: string, value: string | null = "value"): Promise<boolean> {
  return engine.commit({ checks: new Map(), changes: new Map([[key, value]]) });
}

async function keysOf(engine: Engine): Promise<readonly string[]> {
  return (await engine.scan(ALL)).map(({ key }) => key);
}

/** What all open files share, for a fault in one of their methods. */
async function fileHandles(folder: string): Promise<FileHandle> {
  const handle = await open(folder, "r");
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

/** A process that writes, and the keys whose commits were answered there. */
function writer(folder: string, name: string) {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, folder, name], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const answered: string[] = [];
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    if (line !== "open") answered.push(line);
  });
  const reached = async (count: number): Promise<void> => {
    await expect.poll(() => answered.length, { timeout: TIMEOUT_MS }).toBeGreaterThanOrEqual(count);
  };
  return { child, answered, reached, ended: once(child, "exit"), drained: once(lines, "close") };
}

const closed = { code: "store.unavailable", outcome: "not_applied" };
const inDoubt = { code: "store.unavailable", outcome: "unknown" };

describe("the journal of the small store", () => {
  it("gives ranges in order, from either end, without their bounds", async () => {
    const journal = await openJournal(emptyFolder());
    for (const key of ["b", "d", "a", "c", "e"]) await put(journal, key);
    await put(journal, "c", null);
    const keys = async (range: object) =>
      (await journal.scan({ ...ALL, ...range })).map(({ key }) => key).join("");
    expect(await keys({ after: "a", below: "e" })).toBe("bd");
    expect(await keys({ limit: 3 })).toBe("abd");
    expect(await keys({ limit: 2, newestFirst: true })).toBe("ed");
    expect(await keys({ after: "d", below: "b" })).toBe("");
    await journal.close();
  });

  it("writes nothing of a commit whose checks do not all hold", async () => {
    const journal = await openJournal(emptyFolder());
    await put(journal, "a");
    const [a] = await journal.get(["a"]);
    await put(journal, "a", "newer");
    const stale = { checks: new Map([["a", a?.version ?? null]]), changes: new Map([["b", "value"]]) };
    expect(await journal.commit(stale)).toBe(false);
    expect(await journal.commit({ ...stale, checks: new Map([["a", null]]) })).toBe(false);
    expect(await keysOf(journal)).toEqual(["a"]);
    await journal.close();
  });

  it("keeps what was answered and leaves what was cut off by a crash", async () => {
    const folder = emptyFolder();
    const journal = await openJournal(folder);
    await put(journal, "a");
    await journal.close();
    for (const torn of ['[["b","va', '[["b","\u0000\u0000\u0000"]]\n']) {
      appendFileSync(join(folder, readdirSync(folder).sort().at(-1) ?? ""), torn);
      const reopened = await openJournal(folder);
      expect(await keysOf(reopened)).toEqual(["a"]);
      await reopened.close();
    }
  });

  it("passes over what engines left that died before they had copied anything", async () => {
    const folder = emptyFolder();
    const journal = await openJournal(folder);
    await put(journal, "a");
    await journal.close();
    writeFileSync(join(folder, "000002.jsonl"), "");
    writeFileSync(join(folder, "000003.jsonl"), '[["a","val');
    const reopened = await openJournal(folder);
    expect(await keysOf(reopened)).toEqual(["a"]);
    await reopened.close();
  });

  it("is not opened over a damaged line that was answered", async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, "000001.jsonl"), '[]\n[["a","value\n[["b","value"]]\n');
    await expect(openJournal(folder)).rejects.toThrow("Line 2 of the journal is damaged.");
  });

  it("stops after a sync that failed, and opening it again finds out what is there", async () => {
    const folder = emptyFolder();
    const journal = await openJournal(folder);
    await put(journal, "a");
    vi.spyOn(await fileHandles(folder), "datasync").mockRejectedValueOnce(new Error("EIO"));
    await expect(put(journal, "b")).rejects.toMatchObject(inDoubt);
    await expect(put(journal, "c")).rejects.toMatchObject(closed);
    await expect(journal.get(["a"])).rejects.toMatchObject(closed);
    await journal.close();
    const reopened = await openJournal(folder);
    expect(await keysOf(reopened)).toEqual(["a", "b"]);
    await reopened.close();
  });

  it("belongs to whoever opened it last", async () => {
    const folder = emptyFolder();
    const first = await openJournal(folder);
    await put(first, "a");
    const second = await openJournal(folder);
    await expect(first.get(["a"])).rejects.toMatchObject(closed);
    await expect(put(first, "b")).rejects.toMatchObject(closed);
    expect(await keysOf(second)).toEqual(["a"]);
    await first.close();
    await second.close();
  });

  it("does not answer a commit in the middle of which it was taken over", async () => {
    const folder = emptyFolder();
    const first = await openJournal(folder);
    const taken: Promise<Awaited<ReturnType<typeof openJournal>>>[] = [];
    vi.spyOn(await fileHandles(folder), "datasync").mockImplementationOnce(async () => {
      taken.push(openJournal(folder));
      await taken[0];
    });
    await expect(put(first, "a")).rejects.toMatchObject(inDoubt);
    const [second] = await Promise.all(taken);
    expect(await second?.get(["a"])).toMatchObject([{ value: "value" }]);
    await first.close();
    await second?.close();
  });

  it("loses nothing that was answered to a process that was killed", { timeout: TIMEOUT_MS }, async () => {
    const folder = emptyFolder();
    const { child, answered, reached, drained } = writer(folder, "killed");
    await reached(50);
    await kill(child);
    await drained;
    const journal = await openJournal(folder);
    expect(await keysOf(journal)).toEqual(expect.arrayContaining(answered));
    await journal.close();
  });

  it("loses nothing that was answered to processes that take it over", { timeout: TIMEOUT_MS }, async () => {
    const folder = emptyFolder();
    const writers = [];
    for (const name of ["w1", "w2", "w3", "w4"]) {
      const next = writer(folder, name);
      await next.reached(20);
      await writers.at(-1)?.ended;
      writers.push(next);
    }
    const journal = await openJournal(folder);
    await writers.at(-1)?.ended;
    await Promise.all(writers.map(({ drained }) => drained));
    const answered = writers.flatMap((each) => each.answered);
    expect(await keysOf(journal)).toEqual(expect.arrayContaining(answered));
    expect(writers.map(({ child }) => child.exitCode)).toEqual([1, 1, 1, 1]);
    await journal.close();
  });
});

it(
  "runs the example as its README says, again and again on one folder",
  { timeout: TIMEOUT_MS },
  async () => {
    const folder = join(emptyFolder(), "jobs");
    const run = () => promisify(execFile)(process.execPath, ["--import", "tsx", MAIN, folder]);
    await run();
    const { stdout } = await run();
    expect(stdout.split("\n").slice(-3)).toEqual(["4 COMPLETED", `2 jobs are kept in ${folder}`, ""]);
  },
);
