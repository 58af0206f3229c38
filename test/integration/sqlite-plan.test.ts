import { afterEach, describe, expect, it } from "vitest";
import type { ClaimNext, Store } from "../../src/core/ports/store.js";
import { type JobRecord, START } from "../../src/core/job/record.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { sampleJob, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";

const nowMs = 1_750_000_000_123;
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A store, and every statement that it has prepared so far. */
function observed(): { readonly store: Store; readonly db: OpenDatabase; readonly statements: Set<string> } {
  const { path, remove } = temporaryFile();
  const db = openDatabase(path);
  cleanups.push(remove, () => db.close());
  const statements = new Set<string>();
  const watched: SqliteDatabase = {
    exec: (sql) => db.exec(sql),
    prepare: (sql) => {
      statements.add(sql);
      return db.prepare(sql);
    },
  };
  return { store: sqliteStore({ db: watched }), db, statements };
}

function next(kinds: readonly string[]): ClaimNext {
  return {
    terms: sampleTerms(),
    token: "token",
    kinds: kinds.map((kind) => ({ kind, leaseMs: 1_000 })),
    limit: 50,
  };
}

/** Every call of the port, each way that it can be asked. */
async function callEverything(store: Store): Promise<void> {
  const record = sampleReadyJob({ id: "asked", scope: "scope", subject: "s", owner: "o" }, nowMs);
  const write = sampleWrite(record, {
    edges: ["T9"],
    output: "{}",
    patch: { awaiting: null },
    leaseMs: 1_000,
  });
  const after = { createdAt: nowMs, id: "m" };
  const filters = { kinds: ["a", "b"], statuses: ["FAILED"] as const };
  await store.create({ nowMs, items: [{ record, input: "{}" }] });
  await store.create({ nowMs, items: [{ record: { ...record, id: "again" }, input: "{}" }] });
  await store.claim({ nowMs, next: next(["a"]) });
  await store.claim({ nowMs, next: next(["a", "b", "sample.work"]) });
  await store.claim({
    nowMs,
    byMessage: { terms: sampleTerms(), items: [{ id: "asked", dispatch: 1, token: "t", leaseMs: 1 }] },
  });
  await store.write({
    nowMs,
    items: [write, { ...write, history: { replace: "" } }],
    thenClaim: next(["a"]),
  });
  await store.beat({ nowMs, items: [{ id: "asked", token: "t", leaseMs: 1 }] });
  await store.takeDue({ nowMs, limit: 10, holdMs: 1 });
  const cursors = { ui: { ...START, upTo: 1, exhausted: [1] } };
  for (const version of [1, 2]) {
    const plannedOn = { status: "QUEUED" as const, version, token: null };
    const advance = { id: "asked", plannedOn, wakeAt: 1, purgeAt: null, latestWakeAt: 0, cursors };
    await store.advance({ nowMs, items: [advance] });
  }
  for (const parts of [{}, { input: true }, { output: true }, { input: true, output: true }]) {
    await store.read({ nowMs, ids: ["asked"], ...parts });
  }
  for (const place of [{}, { after }]) {
    for (const more of [{}, filters]) {
      for (const path of [{}, { owner: "o" }, { subject: "s" }, { kinds: ["a"] }, { undeliverable: true }]) {
        await store.list({ nowMs, limit: 10, ...more, ...path, ...place });
      }
    }
  }
  await store.list({ nowMs, limit: 10, owner: null, subject: "s", kinds: ["a"], undeliverable: true });
  await store.byRef({ nowMs, kind: "a", refKey: "k" });
  await store.park({ nowMs, messages: [{ id: "p", queue: "q", body: "b", reason: "r", at: nowMs }] });
  await store.parked({ nowMs, limit: 10 });
  await store.unpark({ nowMs, ids: ["p"] });
  await store.pulse({ nowMs, unserved: 0 });
  await store.health({ nowMs });
  await store.purge({ nowMs, limit: 10, parkedBefore: nowMs });
}

/** Places in plans where a whole table or index is read, or rows are sorted that grow with what is stored. */
function complaints(db: OpenDatabase, statements: ReadonlySet<string>): readonly string[] {
  const found: string[] = [];
  for (const sql of statements) {
    if (!sql.includes("waybill_")) continue;
    const params = Array.from(sql.matchAll(/\?/g), () => 0) as never[];
    const plan = db.prepare(`explain query plan ${sql}`).all(...params) as readonly {
      readonly detail: string;
    }[];
    for (const { detail } of plan) {
      if (isFullScan(detail, sql)) found.push(`${detail}: ${sql}`);
      // What a claim, a pass or a page takes must come in order, or all that is ready would be sorted for it.
      if (/TEMP B-TREE/.test(detail) && /ready_at, id limit|wake_at, id limit/.test(sql)) {
        found.push(`${detail}: ${sql}`);
      }
    }
  }
  return found;
}

function isFullScan(detail: string, sql: string): boolean {
  if (!/^SCAN (waybill_\w+)/.test(detail)) return false;
  // One row.
  if (detail === "SCAN waybill_pulse") return false;
  // Counts, over what people are to look at.
  if (/^select count\(\*\)/.test(sql) && /waybill_parked|waybill_job_undeliverable/.test(detail))
    return false;
  // A page in order: the index is left after as many rows as the window has.
  return !/USING (COVERING )?INDEX waybill_job_(created|undeliverable|unfinished|failed)$/.test(detail);
}

async function fill(store: Store): Promise<void> {
  for (let batch = 0; batch < 20; batch += 1) {
    const items = Array.from({ length: 100 }, (_, index) => ({
      record: various(batch * 100 + index),
      input: "{}",
    }));
    await store.create({ nowMs, items });
  }
}

function various(index: number): JobRecord {
  const given = {
    id: `job-${index}`,
    kind: ["a", "b", "c"][index % 3]!,
    owner: index % 2 === 0 ? null : `o${index % 7}`,
    subject: `s${index % 50}`,
    createdAt: nowMs - index,
  };
  if (index % 4 === 0) return sampleReadyJob(given, nowMs);
  if (index % 4 === 1)
    return sampleJob({ ...given, status: "COMPLETED", wakeAt: null, purgeAt: nowMs }, nowMs);
  return sampleJob(given, nowMs);
}

describe("the statements of the SQLite store", () => {
  it("go through an index on an empty table", async () => {
    const { store, db, statements } = observed();
    await callEverything(store);
    expect(statements.size).toBeGreaterThan(40);
    expect(complaints(db, statements)).toEqual([]);
  });

  it("go through an index on a filled table, with and without statistics", async () => {
    const { store, db, statements } = observed();
    await fill(store);
    await callEverything(store);
    expect(complaints(db, statements)).toEqual([]);
    db.exec("analyze");
    expect(complaints(db, statements)).toEqual([]);
  });

  it("are prepared once, however often a call is made", async () => {
    const { store, statements } = observed();
    // The second time some calls meet what the first has left, and go another way.
    await callEverything(store);
    await callEverything(store);
    const before = statements.size;
    await callEverything(store);
    await callEverything(store);
    expect(statements.size).toBe(before);
  });
});
