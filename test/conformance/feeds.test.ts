// The feeds that stand beside any store, and the one of SQLite, through the published suite.
import { describe, it } from "vitest";
import type { Feed } from "../../src/core/ports/feed.js";
import { postgresFeed } from "../../src/postgres.js";
import { redisFeed } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";
import { openDatabase, temporaryFile } from "../integration/sqlite-driver.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

interface Made {
  readonly feeds: readonly Feed[];
  readonly end?: () => void;
  readonly loseLink?: () => Promise<void>;
}

function suiteOf(make: () => Promise<Made>): void {
  feedSuite(
    { describe, it },
    {
      async create() {
        const { feeds, end, loseLink } = await make();
        const [publisher, subscriber] = feeds;
        return {
          publisher: publisher!,
          subscriber: subscriber!,
          ...(loseLink && { loseLink }),
          close: async () => {
            for (const feed of feeds) await feed.close();
            end?.();
          },
        };
      },
    },
  );
}

describe.skipIf(redisMissing() !== null)("a feed on Redis", () => {
  suiteOf(async () => {
    const server = await redisServer();
    const channel = server.prefix();
    return {
      feeds: [0, 1].map(() => redisFeed({ client: server.client(), channel })),
      loseLink: async () => {
        await server.client().call("CLIENT", "KILL", "TYPE", "PUBSUB");
      },
    };
  });
});

describe.skipIf(postgresMissing() !== null)("a feed on a pool of Postgres", () => {
  suiteOf(async () => {
    const server = await postgresServer();
    const channel = server.schema();
    // Three: both ends lend one, and the last is never lent.
    const pool = server.pool({ max: 3 });
    const sql = "select pg_terminate_backend(pid) from pg_stat_activity where query = $1";
    return {
      feeds: [0, 1].map(() => postgresFeed({ client: pool, channel })),
      loseLink: async () => {
        await server.pool().query(sql, [`listen "${channel}"`]);
      },
    };
  });
});

describe("the feed of the SQLite store", () => {
  suiteOf(async () => {
    const file = temporaryFile();
    const opened = [0, 1].map(() => openDatabase(file.path));
    const stores = opened.map((db) => sqliteStore({ db }));
    return {
      feeds: stores.map((store) => store.feed!),
      end: () => {
        for (const db of opened) db.close();
        file.remove();
      },
    };
  });
});
