// A client of Redis that cannot do what the store asks of it: the store says so, and what became of the call.
import { Cluster } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { redisStore } from "../../src/redis.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { RedisClient } from "../../src/redis.js";
import { redisMissing, redisServer } from "./redis-server.js";

function create(client: RedisClient): Promise<unknown> {
  const store = redisStore({ client, onWarning: () => undefined });
  return store.create({ nowMs: 0, items: [{ record: sampleJob({ id: "job-1" }, 0), input: "{}" }] });
}

describe.skipIf(redisMissing() !== null)("a client of the Redis store that can send nothing", () => {
  it("since it is subscribed to a channel is told apart from a lost connection", async () => {
    const client = (await redisServer()).client({ protocol: 2 });
    await client.subscribe("news");
    await expect(create(client)).rejects.toMatchObject({
      code: "store.unavailable",
      outcome: "not_applied",
      message: expect.stringContaining("subscribed to a channel") as string,
    });
  });

  it("since its cluster is not there yet has changed nothing", async () => {
    const client = new Cluster([{ host: "127.0.0.1", port: 1 }], {
      enableOfflineQueue: false,
      clusterRetryStrategy: () => null,
    });
    client.on("error", () => undefined);
    onTestFinished(() => {
      client.disconnect();
    });
    await expect(create(client)).rejects.toMatchObject({
      code: "store.unavailable",
      outcome: "not_applied",
      message: expect.stringContaining("could not be reached") as string,
    });
  });
});
