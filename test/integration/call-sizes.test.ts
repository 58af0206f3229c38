// What an item costs its engine in a large call and in a small one, counted: rows that the plan passes on, commands that
// scripts run, statements that a connection runs. No time is measured.
import { afterEach, describe, expect, it } from "vitest";
import { START } from "../../src/core/job/record.js";
import { type PostgresClient, postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { SAMPLE_END, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { sampleNext, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase } from "./sqlite-driver.js";

const FEW = 20;
const MANY = 200;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Counted {
  readonly probe: StoreProbe;
  /** What a call has cost the engine. */
  costOf(call: () => Promise<unknown>): Promise<number>;
}

interface PlanNode {
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Every row that a node of the plan has passed on or looked at in vain. */
function rowsOf(node: PlanNode): number {
  const inVain =
    (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Join Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0);
  const own = (node["Actual Rows"] + inVain) * node["Actual Loops"];
  return (node.Plans ?? []).reduce((sum, below) => sum + rowsOf(below), own);
}

async function onPostgres(): Promise<Counted> {
  const server = await postgresServer();
  const pool = server.pool({ max: 2 });
  let cost = 0;
  const client: PostgresClient = {
    query: async (text, params = []) => {
      const connection = await pool.connect();
      try {
        await connection.query("begin");
        const explained = await connection.query<{ "QUERY PLAN": readonly [{ readonly Plan: PlanNode }] }>(
          `explain (analyze, timing off, format json) ${text}`,
          [...params],
        );
        cost += rowsOf(explained.rows[0]!["QUERY PLAN"][0].Plan);
        await connection.query("rollback");
        return await connection.query<Record<string, unknown>>(text, [...params]);
      } finally {
        connection.release();
      }
    },
  };
  const schema = server.schema();
  await postgresStore({ client: pool, schema }).migrate();
  const store = postgresStore({ client, schema });
  return counted(new StoreProbe({ store, close: async () => undefined }), async () => cost);
}

async function onRedis(): Promise<Counted> {
  const server = await redisServer();
  const client = server.client();
  const store = redisStore({ client, prefix: server.prefix(), onWarning: () => undefined });
  const commands = async (): Promise<number> => {
    const stats = await client.info("commandstats");
    const calls = [...stats.matchAll(/^cmdstat_(?!info)[^:]*:calls=(\d+)/gm)];
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  return counted(new StoreProbe({ store, close: async () => undefined }), commands);
}

async function onSqlite(): Promise<Counted> {
  const db = openDatabase(":memory:");
  closers.push(() => db.close());
  let runs = 0;
  const watched: SqliteDatabase = {
    exec: (sql) => {
      runs += 1;
      return db.exec(sql);
    },
    prepare: (sql) => {
      const statement = db.prepare(sql);
      return new Proxy(statement, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...args: readonly unknown[]): unknown => {
            runs += 1;
            return Reflect.apply(value, target, args);
          };
        },
      });
    },
  };
  const store = sqliteStore({ db: watched });
  return counted(new StoreProbe({ store, close: async () => undefined }), async () => runs);
}

function counted(probe: StoreProbe, total: () => Promise<number>): Counted {
  closers.push(() => probe.store.close());
  return {
    probe,
    async costOf(call) {
      const before = await total();
      await call();
      return (await total()) - before;
    },
  };
}

/** What an item costs in each call that takes many, of `size` items. */
async function costs({ probe, costOf }: Counted, size: number): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const note = async (name: string, call: () => Promise<unknown>): Promise<void> => {
    found.set(name, (await costOf(call)) / size);
  };
  const now = await probe.now();
  const items = Array.from({ length: size }, (_, index) => ({
    record: sampleReadyJob({ id: `job-${String(index).padStart(4, "0")}` }, now - 10_000 + index),
    input: "{}",
  }));
  const ids = items.map(({ record }) => record.id);
  await note("create", () => probe.create(...items));
  await note("create again", () => probe.create(...items));
  await note("list", () => probe.list({ kinds: ["sample.work"], limit: size }));
  const next = sampleNext({ token: "first", limit: size });
  await note("claim", () => probe.store.claim({ ...probe.at, next }));
  const { jobs } = await probe.store.claim({ ...probe.at, next });
  expect(jobs).toHaveLength(size);
  await note("claim again", () => probe.store.claim({ ...probe.at, next }));
  await note("read", () => probe.store.read({ ...probe.at, ids, input: true }));
  const beats = ids.map((id) => ({ id, token: "first", leaseMs: 60_000 }));
  await note("beat", () => probe.store.beat({ ...probe.at, items: beats }));
  const byMessage = {
    terms: sampleTerms(),
    items: ids.map((id) => ({ id, dispatch: 1, token: "another", leaseMs: 60_000 })),
  };
  await note("claim by message, refused", () => probe.store.claim({ ...probe.at, byMessage }));
  const ends = jobs.map(({ record }) =>
    sampleWrite(record, { edges: ["T5"], patch: { ...SAMPLE_END, wakeAt: now - 1 }, output: "1" }),
  );
  await note("write", () => probe.store.write({ ...probe.at, items: ends }));
  await note("write, refused", () => probe.store.write({ ...probe.at, items: ends }));
  await note("take due", () => probe.store.takeDue({ ...probe.at, limit: size, holdMs: 1_000 }));
  const { jobs: ended } = await probe.store.read({ ...probe.at, ids });
  const plans = ended.map((job) => ({
    id: job?.record.id ?? "",
    plannedOn: { status: "COMPLETED" as const, version: job?.record.version ?? 0, token: null },
    wakeAt: null,
    purgeAt: now - 1,
    latestWakeAt: now + 60_000,
    cursors: { ui: { ...START, upTo: 1 } },
  }));
  await note("advance", () => probe.store.advance({ ...probe.at, items: plans }));
  await note("purge", () => probe.store.purge({ ...probe.at, limit: size, parkedBefore: 0 }));
  return found;
}

describe.each([
  ["Postgres", postgresMissing() !== null, onPostgres],
  ["Redis", redisMissing() !== null, onRedis],
  ["SQLite", false, onSqlite],
] as const)("an item of a call on %s", (_, isMissing, open) => {
  it.skipIf(isMissing)("costs no more among many than among few", async () => {
    // Scripts are told to a server once.
    await costs(await open(), FEW);
    const few = await costs(await open(), FEW);
    const many = await costs(await open(), MANY);
    for (const [name, cost] of many) expect(cost, name).toBeLessThanOrEqual((few.get(name) ?? 0) * 1.2);
  });
});
