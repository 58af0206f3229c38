// What the store has of connections beside the caller's client ends with it, whether or not anybody closes the store.
import { describe, expect, it, onTestFinished } from "vitest";
import { redisStore } from "../../src/redis.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "./redis-server.js";

describe.skipIf(redisMissing() !== null)("a client of Redis that is ended without its store", () => {
  it("takes the connection along that stands in for one that is silent", async () => {
    const server = await redisServer();
    const proxy = await TcpProxy.to(server.port);
    onTestFinished(() => proxy.close());
    const connectionName = "ended-with-its-client";
    const client = server.client({ port: proxy.port, connectionName });
    const store = redisStore({ client, prefix: server.prefix(), onWarning: () => undefined });
    const direct = server.client();
    const connections = async (): Promise<number> =>
      String(await direct.client("LIST")).split(`name=${connectionName}`).length - 1;
    const nowMs = Date.now();
    await store.create({ nowMs, items: [{ record: sampleJob({ id: "job-1" }, nowMs), input: "{}" }] });
    const silent = proxy.silence("job-2");
    const item = { record: sampleJob({ id: "job-2" }, nowMs), input: "{}" };
    // It is answered on a connection of the store's own.
    const [{ results }] = await Promise.all([store.create({ nowMs, items: [item] }), silent]);
    expect(results.map(({ status }) => status)).toEqual(["created"]);
    expect(await connections()).toBe(2);
    client.disconnect();
    await expect.poll(connections).toBe(0);
    await store.close();
  });
});
