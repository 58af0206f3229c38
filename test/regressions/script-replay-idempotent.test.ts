// The connection broke after a script had run and before its answer came. The client sent the script again, as ioredis does
// by default (`autoResendUnfulfilledCommands`), and it had its effect twice (redis/ioredis#965).
import { describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import { redisStore } from "../../src/redis.js";
import { SAMPLE_END, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";
import { NaiveRedisJobs } from "./naive/redis-scripts.js";

/** A client of ioredis as it is by default, behind a proxy that can lose an answer. */
async function connected() {
  const server = await redisServer();
  const proxy = await TcpProxy.to(server.port);
  const client = server.client({ port: proxy.port, retryStrategy: () => 5 });
  return { client, proxy, prefix: server.prefix() };
}

describe.skipIf(redisMissing() !== null)("script-replay-idempotent", () => {
  it("is red on the naive build: two attempts, two dispatches, an entry for each", async () => {
    const { client, proxy } = await connected();
    const jobs = new NaiveRedisJobs(client);
    await jobs.submit("job-1");
    await jobs.submit("job-2");
    proxy.dropReplies("worker-lost");
    // The answer is of the second run: the first job is claimed by nobody who knows of it.
    expect(await jobs.claim("worker-lost")).toBe("job-2");
    expect(await jobs.look("job-1")).toEqual({ attempts: 1, dispatches: 0, entries: 1 });
    proxy.dropReplies("job-2");
    await jobs.retry("job-2");
    expect(await jobs.look("job-2")).toEqual({ attempts: 1, dispatches: 2, entries: 3 });
    expect(await jobs.waiting()).toBe(2);
    expect(proxy.dropped).toBe(2);
    await proxy.close();
  });

  it("is green on Waybill: one attempt, one dispatch, one entry", async () => {
    const { client, proxy, prefix } = await connected();
    const store = redisStore({ client, prefix });
    const probe = new StoreProbe({ store, close: async () => undefined });
    const now = await probe.now();
    for (const id of ["job-1", "job-2"]) await probe.given(sampleReadyJob({ id }, now));
    proxy.dropReplies("token-lost");
    const [claimed] = await probe.claimNext({ token: "token-lost", limit: 1 });
    expect(claimed?.record).toMatchObject({ id: "job-1", attempt: 1, fence: 1 });
    expect((await probe.read("job-2")).record.status).toBe("QUEUED");
    const { record } = claimed!;
    const patch = { ...SAMPLE_END, dispatch: record.dispatch + 1, sendAt: record.updatedAt };
    proxy.dropReplies("mine");
    await probe.write(sampleWrite(record, { edges: ["T7"], patch, transitionId: "mine" }));
    const stored = (await probe.read("job-1")).record;
    expect([stored.attempt, stored.dispatch - record.dispatch]).toEqual([1, 1]);
    expect(decodeHistory(stored.history).map(({ edge }) => edge)).toEqual(["T1", "T2", "T4", "T7"]);
    expect(proxy.dropped).toBe(2);
    await proxy.close();
  });
});
