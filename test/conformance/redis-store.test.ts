import { describe, it } from "vitest";
import { redisStore } from "../../src/redis.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";
import { SCOPES_OVER_SHARDS } from "../integration/redis-shard-skips.js";

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
        const open = () => redisStore({ client: server.client(), prefix, shards: 4 });
        const store = open();
        return { store, second: async () => open(), reopen: async () => open(), close: () => store.close() };
      },
      skip: SCOPES_OVER_SHARDS,
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
