// Feeds on real servers: beside other stores, on what a pool lends, and when their link breaks.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Feed } from "../../src/core/ports/feed.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { dynamodbStore, hintsOfStreamRecord } from "../../src/dynamodb.js";
import { createWaybill, defineJob, memoryQueue, memoryStore, unwrap } from "../../src/index.js";
import { fromPg, postgresFeed, postgresStore } from "../../src/postgres.js";
import { redisFeed, redisStore, type RedisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { sampleHint } from "../../src/testing/feed-suite/feed-probe.js";
import { sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { recordingLogger } from "../support/engine.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { dynamoDb } from "./dynamodb-server.js";
import { redisMissing, type RedisServer, redisServer, startRedis } from "./redis-server.js";
import { openDatabase, temporaryFile } from "./sqlite-driver.js";

const engine = dynamoDb();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const work = defineJob({ kind: "sample.work", input: z.object({}), output: z.object({ n: z.number() }) });

/** Nobody is told by a re-read in that time. */
const NEVER_MS = 3_600_000;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

type TwoFeeds = () => Promise<readonly [Feed, Feed]>;

const feeds: Readonly<Record<string, TwoFeeds>> = {
  Redis: async () => {
    const server = await redisServer();
    const channel = server.prefix();
    const make = (): Feed => redisFeed({ client: server.client(), channel });
    return [make(), make()];
  },
  Postgres: async () => {
    const server = await postgresServer();
    const channel = server.schema();
    const pool = server.pool({ max: 3 });
    const make = (): Feed => postgresFeed({ client: fromPg(pool), channel });
    return [make(), make()];
  },
};

const stores: Readonly<Record<string, () => Promise<readonly [AnyStore, AnyStore]>>> = {
  memory: async () => {
    const store = memoryStore();
    return [store, store];
  },
  DynamoDB: async () => {
    const { client, table } = await engine();
    const name = await table();
    const make = (): AnyStore => dynamodbStore({ client: client(), table: name });
    return [make(), make()];
  },
};

const MISSING = redisMissing() ?? postgresMissing();

describe.skipIf(MISSING !== null)("a feed beside a store that has none", () => {
  for (const [feedName, twoFeeds] of Object.entries(feeds)) {
    for (const [storeName, twoStores] of Object.entries(stores)) {
      it(`${feedName} beside ${storeName}: what another process does is heard, not read`, async () => {
        const [here, there] = await twoFeeds();
        const [store, other] = await twoStores();
        const queue = memoryQueue();
        const common = { jobs: [work], queue, policy: { watchEveryMs: NEVER_MS } } as const;
        const web = createWaybill({ ...common, store, feed: here });
        const back = createWaybill({ ...common, store: other, feed: there });
        const job = unwrap(await web.submit(work, {}));
        const result = web.result(work, job.id);
        const worker = back.worker([work.handle(async () => ({ n: 7 }))], { reconcile: false });
        const running = worker.run();
        expect(await result).toEqual({ n: 7 });
        await worker.stop();
        await running;
        await web.close();
        await back.close();
      });
    }
  }
});

describe.skipIf(redisMissing() !== null)("the feed on Redis, when its connection is cut", () => {
  it("listens again, and tells of the gap once it does", async () => {
    const server = await redisServer();
    const [publisher, subscriber] = await feeds["Redis"]!();
    closers.push(
      () => publisher.close(),
      () => subscriber.close(),
    );
    const heard: string[] = [];
    await subscriber.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    await server.client().call("CLIENT", "KILL", "TYPE", "PUBSUB");
    await until(() => heard.includes("gap"));
    // Right after the gap is told, nothing may be lost any more.
    await publisher.publish([sampleHint("after")]);
    await until(() => heard.includes("after"));
    expect(heard).toEqual(["gap", "after"]);
  });

  it("may be closed while its connection listens again", async () => {
    const server = await redisServer();
    const proxy = await TcpProxy.to(server.port);
    closers.push(() => proxy.close());
    const rejected: unknown[] = [];
    const note = (reason: unknown): unknown => rejected.push(reason);
    process.on("unhandledRejection", note);
    closers.push(() => process.off("unhandledRejection", note));
    const client = server.client({ port: proxy.port });
    const feed = redisFeed({ client, channel: server.prefix() });
    await feed.subscribe(() => undefined);
    const listensAgain = proxy.silence("subscribe");
    await server.client().call("CLIENT", "KILL", "TYPE", "PUBSUB");
    await listensAgain;
    await feed.close();
    // What nobody waits for is rejected when the socket has closed, and told of a turn later.
    await sleep(50);
    expect(rejected).toEqual([]);
  });

  it("opens nothing before somebody listens", async () => {
    const server = await redisServer();
    const store = redisStore({ client: server.client(), prefix: server.prefix() });
    await store.feed!.publish([sampleHint("a")]);
    const list = String(await server.client().call("CLIENT", "LIST", "TYPE", "PUBSUB"));
    expect(list.trim()).toBe("");
    await store.close();
  });
});

describe.skipIf(redisMissing() !== null)("a Redis store", () => {
  /** Makes a job, and says how many messages its server was given to publish for it. */
  async function publishedFor(server: RedisServer, store: RedisStore, id: string): Promise<number> {
    const calls = async (): Promise<number> => {
      const stats = await server.client().info("commandstats");
      return Number(/^cmdstat_publish:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
    };
    const before = await calls();
    await store.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id }, 0), input: "1" }] });
    return (await calls()) - before;
  }

  it("publishes while somebody listens, and on its connection that rests nobody does", async () => {
    const server = await startRedis();
    closers.push(() => server.stop());
    const store = redisStore({ client: server.client(), onWarning: () => undefined });
    closers.push(() => store.close());
    const heard: string[] = [];
    const listen = (): Promise<() => Promise<void>> => store.feed!.subscribe(({ id }) => heard.push(id));
    expect(await publishedFor(server, store, "first")).toBe(0);
    const leave = await listen();
    expect(await publishedFor(server, store, "second")).toBe(1);
    await until(() => heard.length > 0);
    const admin = server.client();
    const connections = async (): Promise<number> =>
      String(await admin.call("CLIENT", "LIST")).split("\n").length;
    const connected = await connections();
    await leave();
    while (((await admin.call("PUBSUB", "CHANNELS")) as readonly unknown[]).length > 0) await sleep(5);
    expect(await connections(), "it is kept").toBe(connected);
    expect(await publishedFor(server, store, "third")).toBe(0);
    await listen();
    expect(await publishedFor(server, store, "fourth")).toBe(1);
    await until(() => heard.length > 1);
    expect(heard).toEqual(["second", "fourth"]);
  });
});

/** Connections of a pool that listen now. */
async function listeners(pool: pg.Pool, channel: string): Promise<number> {
  const sql = "select count(*)::integer as n from pg_stat_activity where query = $1";
  const { rows } = await pool.query<{ n: number }>(sql, [`listen "${channel}"`]);
  return rows[0]?.n ?? 0;
}

describe.skipIf(postgresMissing() !== null)("the feed on a pool of Postgres", () => {
  async function onPool(max: number) {
    const server = await postgresServer();
    const channel = server.schema();
    const pool = server.pool({ max });
    const feed = postgresFeed({ client: pool, channel });
    closers.push(() => feed.close());
    return { server, channel, pool, feed };
  }

  it("borrows a connection while somebody listens only, and gives it back as it was", async () => {
    const { channel, pool, feed } = await onPool(2);
    await feed.publish([sampleHint("a")]);
    expect(await listeners(pool, channel)).toBe(0);
    await feed.subscribe(() => undefined);
    expect(await listeners(pool, channel)).toBe(1);
    expect(pool.totalCount - pool.idleCount).toBe(1);
    await feed.close();
    expect(pool.totalCount).toBe(pool.idleCount);
    const { rows } = await pool.query<{ n: number }>(
      "select count(*)::integer as n from pg_listening_channels()",
    );
    expect(rows[0]?.n).toBe(0);
    for (const event of ["notification", "end"]) {
      const lent = await pool.connect();
      expect(lent.listenerCount(event)).toBe(0);
      lent.release();
    }
  });

  it("gives a broken one back, asks for another, and tells of the gap", async () => {
    const { server, channel, pool, feed } = await onPool(2);
    const heard: string[] = [];
    await feed.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    const admin = server.pool();
    const sql = "select pg_terminate_backend(pid) from pg_stat_activity where query = $1";
    expect((await admin.query(sql, [`listen "${channel}"`])).rowCount).toBe(1);
    await until(() => heard.includes("gap"));
    await feed.publish([sampleHint("after")]);
    await until(() => heard.includes("after"));
    expect(heard).toEqual(["gap", "after"]);
    expect(pool.totalCount).toBeLessThanOrEqual(2);
  });

  it("never takes the last connection of a pool, whoever borrowed the others", async () => {
    const { server, pool, feed } = await onPool(2);
    await feed.subscribe(() => undefined);
    const second = postgresFeed({ client: fromPg(pool), channel: server.schema() });
    closers.push(() => second.close());
    await expect(second.subscribe(() => undefined)).rejects.toMatchObject({ code: "feed.unavailable" });
    expect((await pool.query("select 1")).rowCount).toBe(1);
    await feed.close();
    await second.subscribe(() => undefined);
  });

  it("leaves a pool of one alone: a watcher reads instead, and the log says it once", async () => {
    const server = await postgresServer();
    const { logger, lines } = recordingLogger();
    const store = postgresStore({ client: server.pool({ max: 1 }), schema: server.schema() });
    await store.migrate();
    const waybill = createWaybill({ jobs: [work], store, logger });
    closers.push(() => waybill.close());
    const job = unwrap(await waybill.submit(work, {}));
    const worker = waybill.worker([work.handle(async () => ({ n: 1 }))]);
    const running = worker.run();
    expect(await waybill.result(work, job.id)).toEqual({ n: 1 });
    await worker.stop();
    await running;
    expect(lines.filter(({ message }) => message.includes("feed"))).toHaveLength(1);
  });
});

describe.skipIf(postgresMissing() !== null)("a notification queue of Postgres that is half full", () => {
  it("is left alone: jobs are made and done, and nobody is notified", async () => {
    const server = await postgresServer();
    const shadow = server.schema();
    const admin = server.pool();
    // In front of what they hide: a queue that is full, and a notification that fails its transaction then.
    await admin.query(`create schema ${shadow}`);
    await admin.query(
      `create function ${shadow}.pg_notification_queue_usage() returns float8 language sql as 'select 0.6::float8'`,
    );
    await admin.query(
      `create function ${shadow}.pg_notify(text, text) returns void language plpgsql as ` +
        "$$ begin raise exception 'too many notifications' using errcode = '54000'; end $$",
    );
    const pool = server.pool({ options: `-c search_path=${shadow},pg_catalog` });
    const store = postgresStore({ client: pool, schema: server.schema() });
    await store.migrate();
    const waybill = createWaybill({ jobs: [work], store, logger: recordingLogger().logger });
    closers.push(() => waybill.close());
    const job = unwrap(await waybill.submit(work, {}));
    const worker = waybill.worker([work.handle(async () => ({ n: 1 }))]);
    const running = worker.run();
    expect(await waybill.result(work, job.id)).toEqual({ n: 1 });
    await worker.stop();
    await running;
  });
});

describe("the feed of the SQLite store", () => {
  it("tells of a gap where more was noted than is kept", async () => {
    const file = temporaryFile();
    const [db, other] = [openDatabase(file.path), openDatabase(file.path)];
    const [one, two] = [sqliteStore({ db }), sqliteStore({ db: other })];
    closers.push(
      file.remove,
      () => db.close(),
      () => other.close(),
      () => one.close(),
      () => two.close(),
    );
    const heard: string[] = [];
    await one.feed!.subscribe(({ id }) => heard.push(id), { onGap: () => heard.push("gap") });
    await two.feed!.publish([sampleHint("first")]);
    await until(() => heard.length === 1);
    // In one turn of the event loop, as when this process was stopped meanwhile.
    const insert = other.prepare("insert into waybill_hint (jobs, hints) values ('', '[]')");
    for (let index = 0; index < 700; index += 1) insert.run();
    other.exec("delete from waybill_hint where seq < 600");
    await until(() => heard.includes("gap"));
    await two.feed!.publish([sampleHint("last")]);
    await until(() => heard.includes("last"));
    expect(heard).toEqual(["first", "gap", "last"]);
  });

  it("keeps a bounded number of rows, whether anybody listens or not", async () => {
    const file = temporaryFile();
    const db = openDatabase(file.path);
    const store = sqliteStore({ db });
    closers.push(
      file.remove,
      () => db.close(),
      () => store.close(),
    );
    for (let index = 0; index < 1_200; index += 1) await store.feed!.publish([sampleHint(`job-${index}`)]);
    const [row] = db.prepare("select count(*) as n from waybill_hint").all() as { readonly n: number }[];
    expect(row?.n).toBeLessThanOrEqual(600);
  });

  it("keeps no more of them where each process notes a few and ends", async () => {
    const file = temporaryFile();
    const db = openDatabase(file.path);
    closers.push(file.remove, () => db.close());
    await sqliteStore({ db }).ready();
    const numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 5000)";
    db.exec(`insert into waybill_hint (jobs, hints) ${numbers} select '', '[]' from n`);
    const store = sqliteStore({ db });
    await store.feed!.publish([sampleHint("job-1")]);
    await store.close();
    const [row] = db.prepare("select count(*) as n from waybill_hint").all() as { readonly n: number }[];
    expect(row?.n).toBeLessThanOrEqual(600);
  });
});

describe("hints out of a DynamoDB stream", () => {
  const image = (over: object = {}): Record<string, unknown> => ({
    pk: { S: "job-1" },
    sk: { S: "job" },
    status: { S: "QUEUED" },
    kind: { S: "sample.work" },
    version: { N: "3" },
    owner: { S: "tenant-7" },
    readyAt: { N: "1735689600000" },
    ...over,
  });
  const hint = {
    id: "job-1",
    kind: "sample.work",
    version: 3,
    owner: "tenant-7",
    subject: null,
    readyAt: 1_735_689_600_000,
    wakeAt: null,
  };

  it.each([
    ["a job that was made", { NewImage: image() }, [hint]],
    ["a change of its version", { NewImage: image(), OldImage: image({ version: { N: "2" } }) }, [hint]],
    [
      "the change that makes it a job",
      { NewImage: image(), OldImage: image({ status: { S: "PROVISIONAL" } }) },
      [hint],
    ],
    ["a heartbeat", { NewImage: image({ leaseUntil: { N: "1" } }), OldImage: image() }, []],
    ["a job that is being made", { NewImage: image({ status: { S: "PROVISIONAL" } }) }, []],
    ["a removal", { OldImage: image() }, []],
    ["an input", { NewImage: image({ sk: { S: "input#1" } }) }, []],
    ["what cannot be read", { NewImage: image({ version: { S: "x" } }) }, []],
    ["nothing", undefined, []],
  ])("%s", (_what, dynamodb, hints) => {
    expect(hintsOfStreamRecord(dynamodb === undefined ? {} : { dynamodb })).toEqual(hints);
  });

  it("are those of a table's real items", async () => {
    const { client, table } = await engine();
    const name = await table();
    const store = dynamodbStore({ client: client(), table: name });
    const waybill = createWaybill({ jobs: [work], store, queue: memoryQueue() });
    const job = unwrap(await waybill.submit(work, {}, { owner: 'x"y', subject: "東京" }));
    const { GetItemCommand } = await import("@aws-sdk/client-dynamodb");
    const { Item } = await client().send(
      new GetItemCommand({ TableName: name, Key: { pk: { S: job.id }, sk: { S: "job" } } }),
    );
    const [found] = hintsOfStreamRecord({ dynamodb: { NewImage: Item } });
    expect(found).toMatchObject({ id: job.id, kind: "sample.work", owner: 'x"y', subject: "東京" });
    await waybill.close();
  });
});
