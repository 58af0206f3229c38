import type { Redis } from "ioredis";
import { describe, it } from "vitest";
import { redisStore } from "../../src/redis.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";

const SHARDS = 4;

/** Overwrites the document of a job, whichever shard it lies on. */
async function spoil(client: Redis, prefix: string, id: string): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard += 1) {
    await client.set(`{${prefix}:${String(shard)}}:j:${id}`, "not a document", "XX");
  }
}

describe.skipIf(redisMissing() !== null)("the Redis store on one server", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const server = await redisServer();
        const prefix = server.prefix();
        const open = () => redisStore({ client: server.client(), prefix });
        const store = open();
        return {
          store,
          second: async () => open(),
          spoil: (id) => spoil(server.client(), prefix, id),
          reopen: async () => {
            await store.close();
            return open();
          },
          close: () => store.close(),
        };
      },
    },
  );
});

describe.skipIf(redisMissing() !== null)("the Redis store on four shards of one server", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const server = await redisServer();
        const prefix = server.prefix();
        const open = () => redisStore({ client: server.client(), prefix, shards: SHARDS });
        const store = open();
        return {
          store,
          second: async () => open(),
          spoil: (id) => spoil(server.client(), prefix, id),
          reopen: async () => open(),
          close: () => store.close(),
        };
      },
    },
  );
});

describe.skipIf(redisMissing() !== null)("the feed of the Redis store", () => {
  feedSuite(
    { describe, it },
    {
      async create() {
        const server = await redisServer();
        const prefix = server.prefix();
        const [publisher, subscriber] = [0, 1].map(
          () => redisStore({ client: server.client(), prefix }).feed!,
        );
        return {
          publisher: publisher!,
          subscriber: subscriber!,
          close: async () => {
            await publisher!.close();
            await subscriber!.close();
          },
        };
      },
    },
  );
});
