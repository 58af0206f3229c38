import { afterAll, describe, expect, it } from "vitest";
import { redisStore } from "../../src/redis.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { type RedisCluster, redisClusterMissing, startCluster } from "../integration/redis-cluster.js";
import { redisMissing } from "../integration/redis-server.js";

const MISSING = redisMissing() ?? redisClusterMissing();
const STOP_MS = 30_000;

let shared: Promise<RedisCluster> | null = null;
let prefixes = 0;

function cluster(): Promise<RedisCluster> {
  shared ??= startCluster();
  return shared;
}

afterAll(async () => {
  await (await shared?.catch(() => null))?.stop();
}, STOP_MS);

function suiteOn(shards: number): void {
  storeSuite(
    { describe, it },
    {
      async create() {
        const { client } = await cluster();
        prefixes += 1;
        const prefix = `test-${prefixes}`;
        const clients = [client()];
        const open = () => {
          const own = client();
          clients.push(own);
          return redisStore({ client: own, prefix, shards });
        };
        const store = open();
        return {
          store,
          second: async () => open(),
          reopen: async () => {
            await store.close();
            return open();
          },
          close: async () => {
            await store.close();
            for (const own of clients) own.disconnect();
          },
        };
      },
    },
  );
}

describe.skipIf(MISSING !== null)("the Redis store in one slot of a cluster", () => {
  suiteOn(1);
});

describe.skipIf(MISSING !== null)("the Redis store on six shards of a cluster", () => {
  suiteOn(6);
});

describe.skipIf(MISSING !== null)("a client of one server of a cluster", () => {
  it("is told that it is no client of the cluster", async () => {
    const { servers } = await cluster();
    const stores = servers.map((server) =>
      redisStore({ client: server.client(), prefix: "plain", onWarning: () => undefined }),
    );
    const answers = await Promise.allSettled(stores.map((store) => store.ready()));
    const refusals = answers.flatMap((answer) =>
      answer.status === "rejected" ? [answer.reason as Error] : [],
    );
    // All but the one server that has the slot, two at least of which are no replicas.
    expect(refusals.length).toBeGreaterThanOrEqual(servers.length - 1);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
      expect(refusal.message).toMatch(/is a cluster, and the client of the store is not/);
    }
  });
});

describe.skipIf(MISSING !== null)("the feed of the Redis store in a cluster", () => {
  feedSuite(
    { describe, it },
    {
      async create() {
        const { client } = await cluster();
        prefixes += 1;
        const clients = [client(), client()];
        const [publisher, subscriber] = clients.map(
          (own) => redisStore({ client: own, prefix: `test-${prefixes}`, shards: 6 }).feed!,
        );
        return {
          publisher: publisher!,
          subscriber: subscriber!,
          close: async () => {
            await publisher!.close();
            await subscriber!.close();
            for (const own of clients) own.disconnect();
          },
        };
      },
    },
  );
});
