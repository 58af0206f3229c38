// A client of Redis that cannot do what the store asks of it: the store says so, and what became of the call.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { redisStore } from "../../src/redis.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import type { RedisClient } from "../../src/redis.js";
import { redisMissing, redisServer, startRedis } from "./redis-server.js";

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

describe.skipIf(redisMissing() !== null)("a server of Redis without a command", () => {
  // A name of a script's own, and one that scripts begin with.
  it.each([
    ["evalsha", "not_applied"],
    ["zadd", "unknown"],
  ])("(%s) is told apart from one that refuses a script", async (command, outcome) => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-renamed-"));
    writeFileSync(join(folder, "renamed.conf"), `rename-command ${command} ""\n`);
    const server = await startRedis({ settings: { include: join(folder, "renamed.conf") } });
    onTestFinished(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });
    await expect(create(server.client())).rejects.toMatchObject({
      code: "store.unavailable",
      outcome,
      message: expect.stringContaining("lacks a command") as string,
    });
  });
});
