import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListRequest, Store } from "../../src/core/ports/store.js";
import { type JobRecord, START } from "../../src/core/job/record.js";
import { sqliteStore } from "../../src/sqlite.js";
import { sampleReadyJob, sampleTerms } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase } from "./sqlite-driver.js";

const nowMs = 1_750_000_000_123;

let db: OpenDatabase;
let store: Store;

beforeEach(() => {
  db = openDatabase(":memory:");
  store = sqliteStore({ db });
});

afterEach(async () => {
  await store.close();
  db.close();
});

async function createAll(records: readonly JobRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += 250) {
    await store.create({
      nowMs,
      items: records.slice(from, from + 250).map((record) => ({ record, input: "{}" })),
    });
  }
}

/** The ids of every page, one list for each. */
async function pages(request: Omit<ListRequest, "nowMs">): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = [];
  let after: ListRequest["after"];
  for (;;) {
    const page = await store.list({ nowMs, ...request, ...(after ? { after } : {}) });
    found.push(page.jobs.map((job) => job.record.id));
    if (page.next === null) return found;
    after = page.next;
  }
}

describe("a list of the SQLite store", () => {
  it("looks at a bounded number of rows for a page, and misses and repeats none", async () => {
    const records = Array.from({ length: 2_300 }, (_, index) =>
      sampleReadyJob(
        {
          id: `job-${String(index).padStart(4, "0")}`,
          owner: "o",
          kind: index % 1_100 === 0 ? "rare" : "common",
          // Many of one instant: pages must part them by id.
          createdAt: nowMs - Math.floor(index / 500),
        },
        nowMs,
      ),
    );
    await createAll(records);
    const rare = await pages({ owner: "o", kinds: ["rare", "else"], limit: 10 });
    expect(rare.flat().sort()).toEqual(["job-0000", "job-1100", "job-2200"]);
    // 2,300 rows of which a page looks at 1,000.
    expect(rare.length).toBe(3);
    const all = (await pages({ owner: "o", limit: 300 })).flat();
    expect(all.length).toBe(2_300);
    expect(new Set(all).size).toBe(2_300);
  });

  it("says that a full page is the last where nothing lies behind it", async () => {
    await createAll([0, 1, 2, 3].map((index) => sampleReadyJob({ id: `job-${index}`, owner: "o" }, nowMs)));
    expect(await pages({ limit: 2 })).toEqual([
      ["job-3", "job-2"],
      ["job-1", "job-0"],
    ]);
    expect(await pages({ owner: "o", statuses: ["QUEUED"], limit: 4 })).toHaveLength(1);
  });
});

describe("a list of what could not be delivered", () => {
  it("is narrowed by subject, owner, kind and status together", async () => {
    const wanted = { owner: "o", subject: "s", kind: "k" };
    const others = [{ owner: "x" }, { owner: null }, { subject: "x" }, { subject: null }, { kind: "x" }];
    const records = [{}, ...others].map((other, index) =>
      sampleReadyJob({ id: `job-${index}`, ...wanted, ...other }, nowMs),
    );
    await createAll(records);
    const cursors = { ui: { ...START, upTo: 2, exhausted: [2] } };
    const items = records.map(({ id }) => ({
      id,
      plannedOn: { status: "QUEUED" as const, version: 2, token: null },
      wakeAt: null,
      purgeAt: null,
      latestWakeAt: 0,
      cursors,
    }));
    await store.advance({ nowMs, items });
    const request = {
      owner: "o",
      subject: "s",
      kinds: ["k"],
      statuses: ["QUEUED"],
      undeliverable: true,
    } as const;
    expect(await pages({ ...request, limit: 10 })).toEqual([["job-0"]]);
    expect(await pages({ ...request, statuses: ["FAILED"], limit: 10 })).toEqual([[]]);
  });
});

describe("a claim of the SQLite store", () => {
  it("takes the oldest of more kinds than one statement can hold, each with its lease", async () => {
    const records = Array.from({ length: 120 }, (_, index) =>
      sampleReadyJob(
        { id: `job-${index}`, kind: `kind-${index}`, readyAt: nowMs - ((index * 37) % 120) },
        nowMs,
      ),
    );
    await createAll(records);
    const kinds = records.map(({ kind }, index) => ({ kind, leaseMs: 1_000 + index }));
    const { jobs } = await store.claim({
      nowMs,
      next: { terms: sampleTerms(), token: "t", kinds, limit: 60 },
    });
    const oldest = [...records].sort((a, b) => a.readyAt! - b.readyAt!).slice(0, 60);
    expect(jobs.map((job) => job.record.id)).toEqual(oldest.map((record) => record.id));
    for (const { record } of jobs)
      expect(record.leaseUntil).toBe(nowMs + 1_000 + Number(record.kind.slice(5)));
  });
});

describe("a claim that is asked again", () => {
  it("answers no more than its limit, though the token holds more", async () => {
    await createAll([0, 1, 2].map((index) => sampleReadyJob({ id: `job-${index}` }, nowMs)));
    const next = {
      terms: sampleTerms(),
      token: "t",
      kinds: [{ kind: "sample.work", leaseMs: 1_000 }],
      limit: 3,
    };
    await store.claim({ nowMs, next });
    const { jobs } = await store.claim({ nowMs, next: { ...next, limit: 2 } });
    expect(jobs).toHaveLength(2);
  });
});

describe("a purge of the SQLite store", () => {
  it("leaves no reference key that the next job in the same place would inherit", async () => {
    const awaiting = {
      ref: "r",
      refKeys: ["key"],
      since: nowMs,
      deadlineAt: nowMs,
      nextPollAt: nowMs,
      fence: 1,
      pollErrors: 0,
      cancellable: false,
      cancelSent: false,
    };
    await createAll([sampleReadyJob({ id: "old", awaiting, purgeAt: nowMs }, nowMs)]);
    expect(await store.purge({ nowMs, limit: 10, parkedBefore: 0 })).toMatchObject({ jobs: 1 });
    await createAll([sampleReadyJob({ id: "new" }, nowMs)]);
    expect((await store.byRef({ nowMs, kind: "sample.work", refKey: "key" })).jobs).toEqual([]);
  });
});
