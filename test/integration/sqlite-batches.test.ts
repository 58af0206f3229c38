// What a batch costs on SQLite: each crossing to the driver costs about as much as the change itself, so they are counted.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CreateItem, StoredJob, Store, WriteItem } from "../../src/core/ports/store.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { SAMPLE_END, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";

const nowMs = 1_750_000_000_123;
const JOBS = 60;

let db: OpenDatabase;
let store: Store;
let remove: () => void;
let crossings = 0;

/** Counts statements that are run; a prepared one each time. */
function counted(inner: OpenDatabase): SqliteDatabase {
  return {
    exec: (sql) => {
      crossings += 1;
      return inner.exec(sql);
    },
    prepare: (sql) => {
      const statement = inner.prepare(sql);
      return {
        run: (...params: never[]) => {
          crossings += 1;
          return statement.run(...params);
        },
        all: (...params: never[]) => {
          crossings += 1;
          return statement.all(...params);
        },
      };
    },
  };
}

beforeEach(async () => {
  const file = temporaryFile();
  remove = file.remove;
  db = openDatabase(file.path);
  store = sqliteStore({ db: counted(db) });
  await store.create({
    nowMs,
    items: Array.from({ length: JOBS }, (_, index) => ({
      record: sampleReadyJob({ id: `job-${index}`, readyAt: nowMs - index }, nowMs),
      input: `"${index}"`,
    })),
  });
  crossings = 0;
});

afterEach(async () => {
  await store.close();
  db.close();
  remove();
});

async function claimed(limit = JOBS): Promise<readonly StoredJob[]> {
  const kinds = [{ kind: "sample.work", leaseMs: 1_000 }];
  return (await store.claim({ nowMs, next: { terms: sampleTerms(), token: "t", kinds, limit } })).jobs;
}

function completes({ record }: StoredJob, more: Partial<WriteItem["patch"]> = {}): WriteItem {
  const patch = { ...SAMPLE_END, awaiting: null, updatedAt: nowMs + record.createdAt, ...more };
  return sampleWrite(record, { edges: ["T5"], patch, output: `{"of":"${record.id}"}` });
}

async function outputs(ids: readonly string[]): Promise<readonly (string | null | undefined)[]> {
  return (await store.read({ nowMs, ids, output: true })).jobs.map((job) => job?.output);
}

describe("a batch on SQLite", () => {
  const made = (id: string, input = `"${id}"`): CreateItem => ({
    record: sampleReadyJob({ id }, nowMs),
    input,
  });

  it("is stored by one statement for all that are alike, and one for their inputs", async () => {
    const items = Array.from({ length: JOBS }, (_, index) => made(`new-${index}`));
    const { results } = await store.create({ nowMs, items });
    // begin, the jobs, their inputs, the note for others, commit.
    expect(crossings).toBe(5);
    expect(results.every(({ status }) => status === "created")).toBe(true);
    const ids = items.map(({ record }) => record.id);
    const { jobs } = await store.read({ nowMs, ids, input: true });
    expect(jobs.map((job) => job?.input)).toEqual(ids.map((id) => `"${id}"`));
    expect(jobs.map((job) => job?.record)).toEqual(items.map(({ record }) => record));
  });

  it("is stored beside those that exist already, which keep their inputs", async () => {
    await store.create({ nowMs, items: [made("second")] });
    const long = JSON.stringify("x".repeat(100_000));
    const items = [made("first"), made("second", '"another"'), made("7", long), made("__proto__")];
    const { results } = await store.create({ nowMs, items });
    expect(results.map(({ status }) => status)).toEqual(["created", "existing", "created", "created"]);
    const { jobs } = await store.read({ nowMs, ids: items.map(({ record }) => record.id), input: true });
    expect(jobs.map((job) => job?.input)).toEqual(['"first"', '"second"', long, '"__proto__"']);
  });

  it("stores one job of an id that it names twice", async () => {
    const { results } = await store.create({ nowMs, items: [made("twin"), made("twin", '"other"')] });
    expect(results.map(({ status }) => status)).toEqual(["created", "existing"]);
    const { jobs } = await store.read({ nowMs, ids: ["twin"], input: true });
    expect(jobs[0]?.input).toBe('"twin"');
  });

  it("is claimed by one statement for all that get the same lease, the oldest first", async () => {
    const jobs = await claimed();
    // begin, what the token holds, what is ready, the claim, what was claimed, the note for others, commit.
    expect(crossings).toBe(7);
    expect(jobs.map(({ record }) => record.id)).toEqual(
      Array.from({ length: JOBS }, (_, index) => `job-${JOBS - 1 - index}`),
    );
    expect(jobs.map(({ input }) => input)).toContain('"7"');
  });

  it("is written by one statement for all that are alike, each with its own history, instants and output", async () => {
    const jobs = await claimed();
    crossings = 0;
    const items = jobs.map((job, index) => completes(job, { finishedAt: nowMs + index }));
    const { results } = await store.write({ nowMs, items });
    // begin, whose guards hold, the write, the outputs, the note for others, commit.
    expect(crossings).toBe(6);
    expect(results.every(({ status }) => status === "ok")).toBe(true);
    const { jobs: stored } = await store.read({ nowMs, ids: jobs.map(({ record }) => record.id) });
    expect(stored.map((job) => job?.record.finishedAt)).toEqual(jobs.map((_, index) => nowMs + index));
    expect(await outputs(["job-3", "job-59"])).toEqual(['{"of":"job-3"}', '{"of":"job-59"}']);
  });

  it("is written by one statement for each instant, where many jobs end in the same", async () => {
    const jobs = await claimed();
    crossings = 0;
    const instants = [nowMs + 1, nowMs + 2, nowMs + 3];
    const ended = (index: number): number => instants[index % instants.length] ?? 0;
    const items = jobs.map((job, index) => {
      return completes(job, { updatedAt: ended(index), finishedAt: ended(index) });
    });
    const { results } = await store.write({ nowMs, items });
    // begin, whose guards hold, three writes, the outputs, the note for others, commit.
    expect(crossings).toBe(8);
    expect(results.every(({ status }) => status === "ok")).toBe(true);
    const { jobs: stored } = await store.read({ nowMs, ids: jobs.map(({ record }) => record.id) });
    expect(stored.map((job) => job?.record.finishedAt)).toEqual(jobs.map((_, index) => ended(index)));
    const appended = items.map(({ history }) => ("append" in history ? history.append : ""));
    expect(stored.every((job, index) => job?.record.history.endsWith(appended[index] ?? "none"))).toBe(true);
  });

  it("answers each item for itself, where one is refused, one is gone and one differs", async () => {
    const jobs = await claimed(4);
    const [first, second, third, fourth] = jobs.map((job) => completes(job));
    const { results } = await store.write({
      nowMs,
      items: [
        first!,
        { ...second!, guard: { ...second!.guard, token: "another" } },
        { ...third!, id: "nobody" },
        { ...fourth!, patch: { ...fourth!.patch, percent: 33.333333333333336 } },
      ],
    });
    expect(results.map(({ status }) => status)).toEqual(["ok", "refused", "gone", "ok"]);
    const ids = [first!.id, second!.id, fourth!.id];
    expect(await outputs(ids)).toEqual([`{"of":"${first!.id}"}`, null, `{"of":"${fourth!.id}"}`]);
    const { jobs: stored } = await store.read({ nowMs, ids });
    expect(stored[2]?.record.percent).toBe(33.333333333333336);
  });

  it("lets the second write of a job see the first", async () => {
    const [job] = await claimed(1);
    const write = completes(job!);
    const { results } = await store.write({ nowMs, items: [write, write] });
    expect(results.map(({ status }) => status)).toEqual(["ok", "refused"]);
  });

  it("keeps an output that is too long to travel with others", async () => {
    const jobs = await claimed(3);
    const long = JSON.stringify("x".repeat(100_000));
    const items = jobs.map((job, index) => ({ ...completes(job), output: index === 1 ? long : `${index}` }));
    await store.write({ nowMs, items });
    expect(await outputs(jobs.map(({ record }) => record.id))).toEqual(["0", long, "2"]);
  });

  it("is told to other processes by one row, in its own transaction", async () => {
    const rows = (): number =>
      Number(
        (db.prepare("select count(*) as n from waybill_hint").all() as readonly { n: number | bigint }[])[0]
          ?.n,
      );
    const before = rows();
    const jobs = await claimed();
    await store.write({ nowMs, items: jobs.map((job) => completes(job)) });
    expect(rows() - before).toBe(2);
  });
});
