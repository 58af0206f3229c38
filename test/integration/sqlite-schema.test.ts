import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { isWaybillError } from "../../src/core/errors/errors.js";
import type { Awaiting } from "../../src/core/job/record.js";
import { STATUSES } from "../../src/core/job/lifecycle.js";
import { sqliteStore } from "../../src/sqlite.js";
import { sampleJob, sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";

const nowMs = 1_750_000_000_123;
const AWAITING: Awaiting = {
  ref: "srv-1",
  refKeys: ["srv-1"],
  fence: 1,
  since: nowMs,
  deadlineAt: nowMs + 60_000,
  nextPollAt: nowMs + 1_000,
  pollErrors: 0,
  cancellable: false,
  cancelSent: false,
};
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function emptyFile(): string {
  const { path, remove } = temporaryFile();
  cleanups.push(remove);
  return path;
}

function connect(path: string): OpenDatabase {
  const db = openDatabase(path);
  cleanups.push(() => db.close());
  return db;
}

function value(db: OpenDatabase, sql: string): unknown {
  const [row] = db.prepare(sql).all() as readonly Record<string, unknown>[];
  return Object.values(row ?? {})[0];
}

describe("the schema of the SQLite store", () => {
  it("is made in an empty file, marked as Waybill's, and found again", async () => {
    const path = emptyFile();
    const db = connect(path);
    await sqliteStore({ db }).ready();
    expect(value(db, "pragma application_id")).toBe(0x5742696c);
    expect(value(db, "pragma user_version")).toBe(3);
    await expect(sqliteStore({ db: connect(path) }).ready()).resolves.toBeUndefined();
  });

  it("is made by the first call that needs it, without ready()", async () => {
    const store = sqliteStore({ db: connect(emptyFile()) });
    const { jobs } = await store.read({ nowMs, ids: ["nothing"] });
    expect(jobs).toEqual([null]);
  });

  it("is made once when many connections open the empty file at the same time", async () => {
    const path = emptyFile();
    const stores = Array.from({ length: 6 }, () => sqliteStore({ db: connect(path) }));
    await Promise.all(stores.map((store) => store.ready()));
    await stores[0]!.create({
      nowMs,
      items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: "{}" }],
    });
    const { jobs } = await stores[5]!.read({ nowMs, ids: ["one"] });
    expect(jobs[0]?.record.id).toBe("one");
  });

  it.each([
    { age: "an older", version: 1, word: "older" },
    { age: "a newer", version: 4, word: "newer" },
  ])("$age one is refused by a clear sentence", async ({ version, word }) => {
    const path = emptyFile();
    await sqliteStore({ db: connect(path) }).ready();
    const db = connect(path);
    db.exec(`pragma user_version = ${version}`);
    const refusal = sqliteStore({ db }).ready();
    await expect(refusal).rejects.toThrow(`schema ${version}, which is ${word} than schema 3`);
    await expect(refusal).rejects.toSatisfy((error) => isWaybillError(error, "store.not_migrated"));
  });

  it("is not put into a file of another application, which stays as it is byte by byte", async () => {
    const path = emptyFile();
    const owner = openDatabase(path);
    owner.exec("create table theirs (a text); insert into theirs values ('kept')");
    owner.close();
    const before = readFileSync(path);
    const store = sqliteStore({ db: connect(path) });
    await expect(store.ready()).rejects.toThrow("tables of another application");
    await expect(store.read({ nowMs, ids: ["x"] })).rejects.toThrow("tables of another application");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("is not put into a file that another application has marked, though it has no table yet", async () => {
    const path = emptyFile();
    const db = connect(path);
    db.exec("pragma application_id = 1234");
    await expect(sqliteStore({ db }).ready()).rejects.toThrow("another application");
    expect(value(db, "pragma user_version")).toBe(0);
  });

  it("is not put into a file that is no database", async () => {
    const path = emptyFile();
    writeFileSync(path, "not a database, but longer than the header of one would be. ".repeat(20));
    await expect(sqliteStore({ db: connect(path) }).ready()).rejects.toThrow("not a SQLite database");
  });

  it("is looked for again after a refusal", async () => {
    const db = connect(emptyFile());
    db.exec("create table theirs (a text)");
    const store = sqliteStore({ db });
    await expect(store.ready()).rejects.toThrow("another application");
    db.exec("drop table theirs");
    await expect(store.ready()).resolves.toBeUndefined();
  });

  it("knows exactly the statuses of the lifecycle", async () => {
    const db = connect(emptyFile());
    await sqliteStore({ db }).ready();
    const sql = String(value(db, "select sql from sqlite_schema where name = 'waybill_job'"));
    const check = /status in \(([^)]*)\)/.exec(sql)?.[1] ?? "";
    expect(check.split(",").map((name) => name.trim())).toEqual(STATUSES.map((status) => `'${status}'`));
  });

  it("lets no status in that is not one", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    await store.create({ nowMs, items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: "{}" }] });
    expect(() => {
      db.exec("update waybill_job set status = 'completed' where id = 'one'");
    }).toThrow("CHECK constraint failed");
  });

  it("reports a status that got in all the same by the id of its job", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    await store.create({ nowMs, items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: "{}" }] });
    db.exec("pragma ignore_check_constraints = on");
    db.exec("update waybill_job set status = 'finished-secret' where id = 'one'");
    const reading = store.read({ nowMs, ids: ["one"] });
    await expect(reading).rejects.toThrow("Job one is stored with a status that does not exist.");
    await expect(reading).rejects.not.toThrow("finished-secret");
    expect(await store.list({ nowMs, limit: 10 })).toMatchObject({ jobs: [], unreadable: ["one"] });
  });

  it("reports a text that is not JSON by the id of its job", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    await store.create({ nowMs, items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: "{}" }] });
    db.exec("update waybill_job set progress = '{broken' where id = 'one'");
    await expect(store.read({ nowMs, ids: ["one"] })).rejects.toThrow(
      "Job one is stored with an unreadable progress.",
    );
  });
});

describe("a job that somebody deleted by hand in a SQLite file", () => {
  it("leaves nothing behind that the next job would meet", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    const deleted = sampleJob({ id: "deleted", awaiting: { ...AWAITING, refKeys: ["srv-1"] } }, nowMs);
    await store.create({ nowMs, items: [{ record: deleted, input: '"of the deleted"' }] });
    db.exec("delete from waybill_job where id = 'deleted'");
    const next = sampleReadyJob({ id: "next", kind: deleted.kind }, nowMs);
    const { results } = await store.create({ nowMs, items: [{ record: next, input: '"of the next"' }] });
    expect(results).toEqual([{ status: "created" }]);
    const { jobs } = await store.read({ nowMs, ids: ["next"], input: true });
    expect(jobs[0]?.input).toBe('"of the next"');
    expect((await store.byRef({ nowMs, kind: deleted.kind, refKey: "srv-1" })).jobs).toEqual([]);
  });
});

describe("a damaged row of the SQLite store", () => {
  it("does not keep what is due beside it, and is told", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    const records = ["bad", "good"].map((id) => sampleJob({ id, wakeAt: nowMs }, nowMs));
    await store.create({ nowMs, items: records.map((record) => ({ record, input: "{}" })) });
    db.exec("update waybill_job set progress = '{broken' where id = 'bad'");
    const pass = { limit: 10, holdMs: 30_000 };
    const { jobs } = await store.takeDue({ nowMs, ...pass });
    expect(jobs.map((job) => job.record.id)).toEqual(["good"]);
    db.exec(`update waybill_job set wake_at = ${nowMs + 1} where id = 'bad'`);
    const alone = await store.takeDue({ nowMs: nowMs + 1, ...pass });
    expect(alone).toMatchObject({ jobs: [], unreadable: ["bad"] });
    // It is out of the way now.
    expect((await store.takeDue({ nowMs: nowMs + 1, ...pass })).jobs).toEqual([]);
  });
});

describe("durability of the SQLite store", () => {
  it("syncs every commit unless told otherwise, whatever the driver's default", async () => {
    const db = connect(emptyFile());
    db.exec("pragma synchronous = off");
    const store = sqliteStore({ db });
    await store.ready();
    expect(value(db, "pragma synchronous")).toBe(2);
    expect(value(db, "pragma journal_mode")).toBe("wal");
    expect(store.capabilities.durability).toBe("local");
  });

  it("is called weak where commits may be lost with the power", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db, durability: "normal" });
    await store.ready();
    expect(value(db, "pragma synchronous")).toBe(1);
    expect(store.capabilities.durability).toBe("weak");
  });

  it("is called memory, and not shared, where there is no file", async () => {
    const store = sqliteStore({ db: connect(":memory:") });
    await store.ready();
    expect(store.capabilities).toMatchObject({ durability: "memory", shared: false });
  });

  it("leaves the connection open that was passed in", async () => {
    const db = connect(emptyFile());
    const store = sqliteStore({ db });
    await store.ready();
    await store.close();
    await store.close();
    expect(value(db, "select count(*) from waybill_job")).toBe(0);
    await expect(store.ready()).rejects.toSatisfy((error) => isWaybillError(error, "waybill.closed"));
  });
});
