import { afterEach, describe, expect, it } from "vitest";
import { fromPg, type PostgresClient, postgresStore } from "../../src/postgres.js";
import { type RedisClient, redisStore } from "../../src/redis.js";
import { SAMPLE_END, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { sampleNext, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";

interface Engine {
  readonly probe: StoreProbe;
  /** How often the server was asked by a call. */
  trips(call: () => Promise<unknown>): Promise<number>;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function engineOf(probe: StoreProbe, asked: () => number): Engine {
  closers.push(() => probe.store.close());
  return {
    probe,
    async trips(call) {
      const before = asked();
      await call();
      return asked() - before;
    },
  };
}

async function postgres(): Promise<Engine> {
  const server = await postgresServer();
  const pool = server.pool({ max: 4 });
  const inner = fromPg(pool);
  let asked = 0;
  const client: PostgresClient = {
    query: (text, params) => {
      asked += 1;
      return inner.query(text, params);
    },
  };
  const store = postgresStore({ client, schema: server.schema() });
  await store.migrate();
  return engineOf(new StoreProbe({ store, close: async () => undefined }), () => asked);
}

async function redis(shards = 1): Promise<Engine> {
  const server = await redisServer();
  const connection = server.client();
  let asked = 0;
  const counted = (run: (...args: readonly never[]) => Promise<unknown>) => ({
    value: (...args: readonly never[]) => {
      asked += 1;
      return run.apply(connection, [...args]);
    },
  });
  const client = Object.create(connection, {
    evalsha: counted(connection.evalsha.bind(connection)),
    eval: counted(connection.eval.bind(connection)),
  }) as RedisClient;
  const store = redisStore({ client, prefix: server.prefix(), shards });
  return engineOf(new StoreProbe({ store, close: async () => undefined }), () => asked);
}

/** One call of each sort, with many jobs where it takes many. */
async function lifecycle({ probe, trips }: Engine): Promise<Readonly<Record<string, number>>> {
  const now = await probe.now();
  const items = Array.from({ length: 50 }, (_, index) => ({
    record: sampleReadyJob({ id: `job-${String(index).padStart(2, "0")}` }, now - 1_000 + index),
    input: "{}",
  }));
  const next = sampleNext({ token: "first", limit: 40 });
  const claimed = async () => (await probe.store.claim({ ...probe.at, next })).jobs;
  const counts: Record<string, number> = {};
  counts["create 50"] = await trips(() => probe.create(...items));
  counts["claim 40"] = await trips(claimed);
  const jobs = await claimed();
  const ids = jobs.map(({ record }) => record.id);
  counts["read 40"] = await trips(() => probe.store.read({ ...probe.at, ids, input: true }));
  const beats = ids.map((id) => ({ id, token: "first", leaseMs: 60_000 }));
  counts["beat 40"] = await trips(() => probe.store.beat({ ...probe.at, items: beats }));
  const ends = jobs.map(({ record }) =>
    sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" }),
  );
  const thenClaim = sampleNext({ token: "second", limit: 5 });
  counts["write 40, claim 5"] = await trips(() =>
    probe.store.write({ ...probe.at, items: ends, ...(canRide(probe) ? { thenClaim } : {}) }),
  );
  counts["40 writes refused"] = await trips(() => probe.store.write({ ...probe.at, items: ends }));
  counts["take due"] = await trips(() => probe.takeDue({ limit: 10 }));
  counts["health"] = await trips(() => probe.health());
  return counts;
}

const canRide = (probe: StoreProbe): boolean => probe.store.capabilities.writeThenClaim;

const ONE_EACH = {
  "create 50": 1,
  "claim 40": 1,
  "read 40": 1,
  "beat 40": 1,
  "write 40, claim 5": 1,
  // Every refusal comes with its record.
  "40 writes refused": 1,
  "take due": 1,
  health: 1,
};

describe("round trips to the server", () => {
  it.skipIf(postgresMissing() !== null)("are one for each call on Postgres", async () => {
    expect(await lifecycle(await postgres())).toEqual(ONE_EACH);
  });

  it.skipIf(redisMissing() !== null)("are one for each call on Redis", async () => {
    // What a server knows of a script is asked first: once for each of its lives.
    await lifecycle(await redis());
    expect(await lifecycle(await redis())).toEqual(ONE_EACH);
  });

  it.skipIf(redisMissing() !== null)(
    "are one script for each shard on Redis, and to claim one more",
    async () => {
      await lifecycle(await redis(4));
      const counts = await lifecycle(await redis(4));
      expect(counts).toEqual({
        "create 50": 4,
        "claim 40": 8,
        "read 40": 4,
        "beat 40": 4,
        "write 40, claim 5": 4,
        "40 writes refused": 4,
        "take due": 4,
        health: 4,
      });
    },
  );
});
