// Jobs that become ready wake idle workers of other processes, on real engines and without configuration. Nobody asks for
// an hour, so that what is found was told.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AnyStore } from "../../src/core/ports/store.js";
import { createWaybill, defineJob, unwrap } from "../../src/index.js";
import { type PostgresClient, postgresStore } from "../../src/postgres.js";
import { type RedisClient, redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { recordingLogger } from "../support/engine.js";
import {
  postgresMissing,
  type PostgresServer,
  postgresServer,
  startPostgres,
} from "../support/postgres-server.js";
import { type RedisCluster, redisClusterMissing, startCluster } from "./redis-cluster.js";
import { redisMissing, type RedisServer, redisServer, startRedis } from "./redis-server.js";
import { openDatabase, temporaryFile } from "./sqlite-driver.js";

const HOUR_MS = 3_600_000;

const work = defineJob({
  kind: "sample.work",
  input: z.object({}),
  output: z.object({ n: z.number() }),
  retry: { maxAttempts: 2, baseMs: 1, capMs: 1 },
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function waybillOn(store: AnyStore) {
  const waybill = createWaybill({
    jobs: [work],
    store,
    logger: recordingLogger().logger,
    policy: { watchEveryMs: HOUR_MS },
  });
  closers.push(() => waybill.close());
  return waybill;
}

type Waybill = ReturnType<typeof waybillOn>;

/** A worker that asks once an hour; resolves when it listens, and has asked since and found nothing. */
async function idleWorker(waybill: Waybill, store: AnyStore): Promise<void> {
  const feed = store.feed!;
  const subscribe = feed.subscribe.bind(feed);
  const claim = store.claim.bind(store);
  let listens = false;
  const asked = new Promise<void>((resolve) => {
    Object.assign(feed, {
      subscribe: async (...args: Parameters<typeof subscribe>) => {
        const leave = await subscribe(...args);
        listens = true;
        return leave;
      },
    });
    Object.assign(store, {
      claim: async (...args: Parameters<typeof claim>) => {
        const isAfter = listens;
        const reply = await claim(...args);
        if (isAfter) resolve();
        return reply;
      },
    });
  });
  const handler = work.handle(async () => ({ n: 1 }));
  void waybill.worker([handler], { pollIntervalMs: HOUR_MS, reconcile: false }).run();
  await asked;
}

async function done(waybill: Waybill): Promise<void> {
  const job = unwrap(await waybill.submit(work, {}));
  expect(await waybill.result(work, job.id)).toEqual({ n: 1 });
}

interface Engine {
  readonly missing: string | null;
  /** Two stores on one place, each with a client of its own, as two processes have them. */
  pair(): Promise<readonly [AnyStore, AnyStore]>;
}

let cluster: Promise<RedisCluster> | null = null;

const engines: Readonly<Record<string, Engine>> = {
  Redis: {
    missing: redisMissing(),
    pair: async () => {
      const server = await redisServer();
      const prefix = server.prefix();
      const make = (): AnyStore =>
        redisStore({ client: server.client(), prefix, onWarning: () => undefined });
      return [make(), make()];
    },
  },
  "Redis behind a Sentinel": {
    missing: redisMissing(),
    pair: async () => {
      const primary = await startRedis();
      closers.push(() => primary.stop());
      const folder = mkdtempSync(join(tmpdir(), "waybill-wake-"));
      closers.push(() => {
        rmSync(folder, { recursive: true });
      });
      const configuration = join(folder, "sentinel.conf");
      writeFileSync(configuration, `sentinel monitor jobs 127.0.0.1 ${primary.port} 1\n`);
      const sentinel = await startRedis({ sentinel: configuration });
      closers.push(() => sentinel.stop());
      const at = { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "jobs" };
      const make = (): AnyStore =>
        redisStore({ client: primary.own(new Redis(at)), onWarning: () => undefined });
      return [make(), make()];
    },
  },
  "a Redis cluster": {
    missing: redisMissing() ?? redisClusterMissing(),
    pair: async () => {
      cluster ??= startCluster();
      const { client, stop } = await cluster;
      closers.push(async () => {
        cluster = null;
        await stop();
      });
      const make = (): AnyStore => {
        const own = client();
        closers.push(() => {
          own.disconnect();
        });
        return redisStore({ client: own, prefix: "wake", shards: 4, onWarning: () => undefined });
      };
      return [make(), make()];
    },
  },
  Postgres: {
    missing: postgresMissing(),
    pair: async () => {
      const server = await postgresServer();
      const schema = server.schema();
      const make = (): AnyStore => postgresStore({ client: server.pool(), schema });
      const [one, other] = [make(), make()];
      await one.migrate?.();
      return [one, other];
    },
  },
  SQLite: {
    missing: null,
    pair: async () => {
      const file = temporaryFile();
      closers.push(file.remove);
      const make = (): AnyStore => {
        const db = openDatabase(file.path);
        closers.push(() => db.close());
        return sqliteStore({ db });
      };
      return [make(), make()];
    },
  },
};

for (const [name, engine] of Object.entries(engines)) {
  describe.skipIf(engine.missing !== null)(`an idle worker on ${name}`, () => {
    it("begins what another process submits, and tells it the outcome, and again", async () => {
      const [mine, other] = await engine.pair();
      const [web, back] = [waybillOn(mine), waybillOn(other)];
      await idleWorker(back, other);
      for (let round = 0; round < 3; round += 1) await done(web);
    });

    it("begins a job when its delay is over", async () => {
      const [mine, other] = await engine.pair();
      const [web, back] = [waybillOn(mine), waybillOn(other)];
      await idleWorker(back, other);
      const job = unwrap(await web.submit(work, {}, { delayMs: 300 }));
      expect(await web.result(work, job.id)).toEqual({ n: 1 });
    });
  });
}

describe.skipIf(postgresMissing() !== null)("a job made in a transaction of Postgres", () => {
  it("wakes a worker of another process by dispatch, after the commit", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const pool = server.pool();
    const store = postgresStore({ client: pool, schema });
    await store.migrate();
    const other = postgresStore({ client: server.pool(), schema });
    const [web, back] = [waybillOn(store), waybillOn(other)];
    await idleWorker(back, other);
    const tx = await pool.connect();
    await tx.query("begin");
    const job = unwrap(await web.submit(work, {}, { tx }));
    await tx.query("commit");
    tx.release();
    await web.dispatch(job.id);
    expect(await web.result(work, job.id)).toEqual({ n: 1 });
  });
});

describe.skipIf(redisMissing() !== null)("a worker on Redis that was not told", () => {
  it("finds what came while its connection was broken, when it listens again", async () => {
    const [mine, other] = await engines["Redis"]!.pair();
    const [web, back] = [waybillOn(mine), waybillOn(other)];
    await idleWorker(back, other);
    const admin = (await redisServer()).client();
    // Cut and submitted in one breath: the hint finds nobody.
    const cut = admin.call("CLIENT", "KILL", "TYPE", "PUBSUB");
    await Promise.all([cut, done(web), done(web)]);
  });

  it("goes on when its server was restarted", async () => {
    const server: RedisServer = await startRedis({ settings: { appendonly: "yes", appendfsync: "always" } });
    closers.push(() => server.stop());
    const make = (): AnyStore => redisStore({ client: server.client(), onWarning: () => undefined });
    const [mine, other] = [make(), make()];
    const [web, back] = [waybillOn(mine), waybillOn(other)];
    await idleWorker(back, other);
    await done(web);
    await server.kill();
    await server.start();
    await done(web);
  });
});

describe.skipIf(postgresMissing() !== null)("a worker on Postgres that was not told", () => {
  it("finds what came while its connection was broken, when it listens again", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const pools = [server.pool(), server.pool()];
    const [mine, other] = pools.map((client) => postgresStore({ client, schema }));
    await mine!.migrate();
    const [web, back] = [waybillOn(mine!), waybillOn(other!)];
    await idleWorker(back, other!);
    const sql = "select pg_terminate_backend(pid) from pg_stat_activity where query = $1";
    const { rowCount } = await server.pool().query(sql, [`listen "waybill_${schema}"`]);
    expect(rowCount).toBeGreaterThanOrEqual(1);
    await done(web);
  });

  it("goes on when its server was restarted", async () => {
    const server: PostgresServer = await startPostgres({ durable: false });
    closers.push(() => server.stop());
    const make = () => postgresStore({ client: server.pool(), schema: "jobs" });
    const [mine, other] = [make(), make()];
    await mine.migrate();
    const [web, back] = [waybillOn(mine), waybillOn(other)];
    await idleWorker(back, other);
    await done(web);
    await server.kill();
    await server.start();
    await done(web);
  });
});

describe("what telling costs", () => {
  const JOBS = 200;

  /** Submits and runs jobs side by side in one process. */
  async function run(store: AnyStore): Promise<void> {
    const waybill = waybillOn(store);
    const items = Array.from({ length: JOBS }, () => ({ input: {} }));
    const jobs = await waybill.submitMany(work, items);
    const handler = work.handle(async () => ({ n: 1 }));
    void waybill.worker([handler], { concurrency: 50, reconcile: false }).run();
    for (const job of jobs) await waybill.result(work, unwrap(job).id);
    await waybill.close();
  }

  it.skipIf(redisMissing() !== null)("is no command more on Redis than where nobody is told", async () => {
    const server = await redisServer();
    const counted = async (listen: false | undefined): Promise<Readonly<Record<string, number>>> => {
      const calls = { evalsha: 0, publish: 0 };
      const connection = server.client();
      const count = (name: keyof typeof calls) => {
        const inner = connection[name].bind(connection) as (...args: readonly never[]) => unknown;
        return {
          value: (...args: readonly never[]) => {
            calls[name] += 1;
            return inner(...args);
          },
        };
      };
      const client = Object.create(connection, {
        evalsha: count("evalsha"),
        publish: count("publish"),
      }) as RedisClient;
      await run(redisStore({ client, prefix: server.prefix(), ...(listen === undefined ? {} : { listen }) }));
      return calls;
    };
    const quiet = await counted(false);
    const told = await counted(undefined);
    expect(told["publish"]).toBe(0);
    // The claims that find nothing at the end differ by one or two.
    expect(told["evalsha"]).toBeLessThanOrEqual(quiet["evalsha"]! + 3);
  });

  it.skipIf(postgresMissing() !== null)(
    "is no statement more on Postgres than where nobody is told",
    async () => {
      const server = await postgresServer();
      const counted = async (listen: false | undefined): Promise<number> => {
        let statements = 0;
        const pool = server.pool();
        const client: PostgresClient = {
          query: (text, params) => {
            statements += 1;
            return pool.query(text, params);
          },
        };
        const schema = server.schema();
        const store = postgresStore({ client, schema, ...(listen === undefined ? {} : { listen }) });
        await store.migrate();
        await run(store);
        return statements;
      };
      const quiet = await counted(false);
      expect(await counted(undefined)).toBeLessThanOrEqual(quiet + 3);
    },
  );
});
