// What an operator looks at first, the newest failures and all that is unfinished, costs the same whatever is completed.
import { afterEach, describe, expect, it } from "vitest";
import { UNFINISHED } from "../../src/core/job/unfinished.js";
import { dynamodbStore } from "../../src/dynamodb.js";
import { fromPg, type PostgresClient, postgresStore } from "../../src/postgres.js";
import { type RedisClient, redisStore } from "../../src/redis.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { dynamoDb } from "./dynamodb-server.js";
import { redisMissing, redisServer } from "./redis-server.js";

const COMPLETED = 150;
const PAGE = 50;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const engine = dynamoDb();

/** How long one waits for a server, in round trips: requests that are under way side by side are one. */
class Trips {
  count = 0;
  #open = 0;

  async of<T>(request: () => Promise<T>): Promise<T> {
    if (this.#open === 0) this.count += 1;
    this.#open += 1;
    try {
      return await request();
    } finally {
      this.#open -= 1;
    }
  }
}

async function postgres(trips: Trips): Promise<StoreProbe> {
  const server = await postgresServer();
  const inner = fromPg(server.pool({ max: 4 }));
  const client: PostgresClient = { query: (text, params) => trips.of(() => inner.query(text, params)) };
  const store = postgresStore({ client, schema: server.schema() });
  await store.migrate();
  return new StoreProbe({ store, close: () => store.close() });
}

async function redis(trips: Trips, shards: number): Promise<StoreProbe> {
  const server = await redisServer();
  const connection = server.client();
  const counted = (run: (...args: readonly never[]) => Promise<unknown>) => ({
    value: (...args: readonly never[]) => trips.of(() => run.apply(connection, [...args])),
  });
  const client = Object.create(connection, {
    evalsha: counted(connection.evalsha.bind(connection)),
    eval: counted(connection.eval.bind(connection)),
  }) as RedisClient;
  const store = redisStore({ client, prefix: server.prefix(), shards });
  return new StoreProbe({ store, close: () => store.close() });
}

async function dynamodb(trips: Trips): Promise<StoreProbe> {
  const at = await engine();
  const client = at.client();
  client.middlewareStack.add((next) => (args) => trips.of(() => next(args)), {
    step: "initialize",
    name: "trips",
  });
  const store = dynamodbStore({ client, table: await at.table() });
  return new StoreProbe({ store, close: () => store.close() });
}

/** Jobs of two kinds, of which many are completed, and as many as a page holds and more FAILED and unfinished. */
async function filled(probe: StoreProbe): Promise<void> {
  const now = await probe.now();
  const ended = { finishedAt: now, sendAt: null, wakeAt: null };
  const of = (status: "COMPLETED" | "FAILED" | "PENDING", count: number) =>
    Array.from({ length: count }, (_, index) =>
      sampleJob(
        {
          id: `${status}-${String(index)}`,
          kind: index % 2 === 0 ? "even" : "odd",
          status,
          createdAt: now - index,
          ...(status === "PENDING" ? {} : ended),
        },
        now,
      ),
    );
  const records = [...of("FAILED", 2 * PAGE), ...of("PENDING", 2 * PAGE), ...of("COMPLETED", COMPLETED)];
  for (let from = 0; from < records.length; from += 25) {
    await probe.create(...records.slice(from, from + 25).map((record) => ({ record, input: "{}" })));
  }
}

const LISTS = {
  "newest FAILED": { statuses: ["FAILED"] },
  "newest FAILED of a kind": { statuses: ["FAILED"], kinds: ["odd"] },
  unfinished: { statuses: UNFINISHED },
  "unfinished of a kind": { statuses: UNFINISHED, kinds: ["odd"] },
} as const;

/** @returns the most trips that a list took */
async function most(trips: Trips, probe: StoreProbe): Promise<number> {
  closers.push(() => probe.store.close());
  await filled(probe);
  const counts: number[] = [];
  for (const [title, filter] of Object.entries(LISTS)) {
    const listed = async (): Promise<number> => (await probe.list({ ...filter, limit: PAGE })).jobs.length;
    // Once for what a server has to learn first, and until indexes that follow their table have followed.
    await expect.poll(listed, { timeout: 60_000 }).toBe(PAGE);
    const before = trips.count;
    const { jobs } = await probe.list({ ...filter, limit: PAGE });
    expect(jobs.length, title).toBe(PAGE);
    counts.push(trips.count - before);
  }
  return Math.max(...counts);
}

describe(`a page of what is unfinished, or FAILED, beside ${String(COMPLETED)} completed jobs`, () => {
  it.skipIf(postgresMissing() !== null)("takes one round trip on Postgres", async () => {
    const trips = new Trips();
    expect(await most(trips, await postgres(trips))).toBe(1);
  });

  it.skipIf(redisMissing() !== null).each([
    [1, 1],
    [4, 2],
  ])("takes on Redis with %i shards at most %i", async (shards, expected) => {
    const trips = new Trips();
    expect(await most(trips, await redis(trips, shards))).toBeLessThanOrEqual(expected);
  });

  it("takes at most two on DynamoDB", async () => {
    const trips = new Trips();
    expect(await most(trips, await dynamodb(trips))).toBeLessThanOrEqual(2);
  });
});
