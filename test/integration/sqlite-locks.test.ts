import { afterEach, describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../src/core/errors/errors.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";

const nowMs = 1_750_000_000_123;
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function twoConnections(): readonly [OpenDatabase, OpenDatabase] {
  const { path, remove } = temporaryFile();
  cleanups.push(remove);
  const pair = [openDatabase(path), openDatabase(path)] as const;
  for (const db of pair) cleanups.push(() => db.close());
  return pair;
}

const one = {
  nowMs,
  items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: '{"secret":"s3cr3t"}' }],
};

/** The connection, with its commits replaced. */
function committing(db: SqliteDatabase, commit: (real: () => unknown) => unknown): SqliteDatabase {
  return {
    exec: (sql) => (sql === "commit" ? commit(() => db.exec(sql)) : db.exec(sql)),
    prepare: (sql) => db.prepare(sql),
  };
}

async function thrownBy(promise: Promise<unknown>): Promise<StoreUnavailableError> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreUnavailableError);
  return error as StoreUnavailableError;
}

describe("the SQLite store and other writers of the file", () => {
  it("waits for a lock without stopping the event loop, then goes on", async () => {
    const [db, other] = twoConnections();
    const store = sqliteStore({ db, busyTimeoutMs: 10_000 });
    await store.ready();
    other.exec("begin immediate");
    // Fires only while the store waits: were the wait synchronous, the lock would never be released.
    setTimeout(() => other.exec("commit"), 120);
    await expect(store.create(one)).resolves.toEqual({ nowMs, results: [{ status: "created" }] });
  });

  it("leaves its connection alone once it is closed, also with a call that waits", async () => {
    const [db, other] = twoConnections();
    let used = 0;
    const watched: SqliteDatabase = {
      exec: (sql) => {
        used += 1;
        return db.exec(sql);
      },
      prepare: (sql) => db.prepare(sql),
    };
    const store = sqliteStore({ db: watched, busyTimeoutMs: 10_000 });
    await store.ready();
    other.exec("begin immediate");
    const waiting = store.create(one);
    // Has met the lock.
    await new Promise((resolve) => setTimeout(resolve, 80));
    await store.close();
    // From here on the application may close its connection: a driver ends the process when it is used then.
    const before = used;
    other.exec("commit");
    await expect(waiting).rejects.toMatchObject({ code: "waybill.closed" });
    expect(used).toBe(before);
  });

  it("gives up after its time, with nothing written and said so", async () => {
    const [db, other] = twoConnections();
    const store = sqliteStore({ db, busyTimeoutMs: 100 });
    await store.ready();
    other.exec("begin immediate");
    const error = await thrownBy(store.create(one));
    expect(error.outcome).toBe("not_applied");
    expect(error.message).toContain("locked by another connection for too long");
    other.exec("commit");
    expect((await store.read({ nowMs, ids: ["one"] })).jobs).toEqual([null]);
  });

  it("reads while another connection writes", async () => {
    const [db, other] = twoConnections();
    const store = sqliteStore({ db, busyTimeoutMs: 0 });
    await store.create(one);
    other.exec("begin immediate");
    const { jobs } = await store.read({ nowMs, ids: ["one"] });
    expect(jobs[0]?.record.id).toBe("one");
    other.exec("rollback");
  });

  it("keeps no snapshot open between calls, so the log can be cut", async () => {
    const [db, other] = twoConnections();
    const store = sqliteStore({ db });
    await store.create(one);
    await store.read({ nowMs, ids: ["one"] });
    await store.list({ nowMs, limit: 1 });
    await store.health({ nowMs });
    const [checkpoint] = other.prepare("pragma wal_checkpoint(truncate)").all() as readonly {
      busy: number;
    }[];
    expect(checkpoint?.busy).toBe(0);
  });
});

describe("the SQLite store when the engine fails", () => {
  it("rolls back what came before the failure and says that nothing was applied", async () => {
    const [db] = twoConnections();
    const full = Object.assign(new Error("no space"), { code: "SQLITE_FULL", rawCode: 13 });
    const store = sqliteStore({
      db: {
        exec: (sql) => db.exec(sql),
        prepare: (sql) => {
          if (sql.startsWith("insert into waybill_payload")) throw full;
          return db.prepare(sql);
        },
      },
    });
    const error = await thrownBy(store.create(one));
    expect(error.outcome).toBe("not_applied");
    expect(error.message).toContain("disk under the SQLite file is full");
    expect((await store.read({ nowMs, ids: ["one"] })).jobs).toEqual([null]);
  });

  it("says not_applied when a commit failed and was rolled back", async () => {
    const [db] = twoConnections();
    await sqliteStore({ db }).ready();
    const failing = committing(db, () => {
      throw new Error("failed before the commit");
    });
    const store = sqliteStore({ db: failing });
    const error = await thrownBy(store.ready());
    expect(error.outcome).toBe("not_applied");
    expect((await sqliteStore({ db }).read({ nowMs, ids: ["one"] })).jobs).toEqual([null]);
  });

  it("says unknown when a commit failed and cannot be rolled back", async () => {
    const [db] = twoConnections();
    let armed = false;
    const failing = committing(db, (commit) => {
      commit();
      if (armed) throw new Error("failed after the commit");
    });
    const store = sqliteStore({ db: failing });
    await store.ready();
    armed = true;
    const error = await thrownBy(store.create(one));
    expect(error.outcome).toBe("unknown");
    armed = false;
    expect((await store.read({ nowMs, ids: ["one"] })).jobs[0]?.record.id).toBe("one");
  });

  it("puts neither SQL nor values into the text of an error", async () => {
    const [db] = twoConnections();
    const store = sqliteStore({ db });
    await store.ready();
    db.exec("drop table waybill_payload");
    const error = await thrownBy(store.create(one));
    expect(error.message).not.toMatch(/insert|waybill_payload|s3cr3t/i);
  });

  it("says that the connection is in use where somebody else's transaction is open on it", async () => {
    const [db] = twoConnections();
    const store = sqliteStore({ db });
    await store.ready();
    db.exec("begin");
    const error = await thrownBy(store.create(one));
    expect(error.outcome).toBe("not_applied");
    expect(error.message).toContain("transaction that was open on its connection");
    db.exec("rollback");
    await expect(store.create(one)).resolves.toMatchObject({ results: [{ status: "created" }] });
  });
});
