// ioredis sends what it has no answer to again after it has connected anew (`autoResendUnfulfilledCommands`, its default).
// A script that was run already is then run twice, and must not take effect twice.
import { afterEach, describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import { type RedisClient, redisStore } from "../../src/redis.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { sampleNext, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { START } from "../../src/core/job/record.js";

const proxies: TcpProxy[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

interface Bench {
  readonly proxy: TcpProxy;
  /** Through the proxy. */
  readonly probe: StoreProbe;
  /** Runs a call whose first answer is lost. */
  lost<T>(id: string, call: () => Promise<T>): Promise<T>;
}

async function bench(shards = 1): Promise<Bench> {
  const server = await redisServer();
  const proxy = await TcpProxy.to(server.port);
  proxies.push(proxy);
  const client = server.client({ port: proxy.port, retryStrategy: () => 5 });
  const losses: unknown[] = [];
  const store = redisStore({ client, prefix: server.prefix(), shards });
  store.onLostWrites((lost) => losses.push(lost));
  await store.ready();
  const probe = new StoreProbe({ store, close: async () => undefined });
  return {
    proxy,
    probe,
    async lost(id, call) {
      const before = proxy.dropped;
      proxy.dropReplies(id);
      const answer = await call();
      expect(proxy.dropped, "an answer was lost").toBe(before + 1);
      expect(losses, "nothing was lost but an answer").toEqual([]);
      return answer;
    },
  };
}

describe.skipIf(redisMissing() !== null)("a script that the client sends again after a cut", () => {
  it.each([null, "s"])(
    "creates a job once, and shows it to its creator, under the scope %j",
    async (scope) => {
      const { probe, lost } = await bench();
      const record = sampleReadyJob({ id: "job-1", scope }, await probe.now());
      const answers = await lost("job-1", () => probe.create({ record, input: "{}" }));
      expect(answers).toEqual([{ status: "existing", job: { record, cursors: {} } }]);
      expect((await probe.list()).jobs).toHaveLength(1);
    },
  );

  it.each([1, 4])("claims the next jobs once, on %i shards", async (shards) => {
    const { probe, lost } = await bench(shards);
    const now = await probe.now();
    for (const id of ["a", "b", "c", "d"]) await probe.given(sampleReadyJob({ id }, now));
    const jobs = await lost("token-lost", () => probe.claimNext({ token: "token-lost", limit: 2 }));
    expect(jobs.map(({ record }) => [record.id, record.attempt, record.fence, record.version])).toEqual([
      ["a", 1, 1, 3],
      ["b", 1, 1, 3],
    ]);
    const left = await probe.claimNext({ token: "other" });
    expect(left.map(({ record }) => record.id)).toEqual(["c", "d"]);
  });

  it("takes nothing when it comes after its lease: no job is claimed twice under one token", async () => {
    const server = await redisServer();
    const proxy = await TcpProxy.to(server.port);
    proxies.push(proxy);
    const prefix = server.prefix();
    // It stays away until the lease is over and the job has come back, as a process does that was stopped.
    const frozen = server.client({ port: proxy.port, retryStrategy: () => 600 });
    const open = (client: RedisClient): StoreProbe =>
      new StoreProbe({ store: redisStore({ client, prefix }), close: async () => undefined });
    const [probe, other] = [open(frozen), open(server.client())];
    const kinds = [{ kind: "sample.work", leaseMs: 20 }];
    const ask = (token: string) => probe.claimNext({ token, kinds, limit: 5 });
    // The server knows the script from then on.
    expect(await ask("token-before")).toEqual([]);
    await probe.given(sampleReadyJob({ id: "job-1" }, await probe.now()));
    proxy.dropReplies("token-lost");
    const answering = ask("token-lost");
    let taken = (await other.read("job-1")).record;
    while (taken.token === null) taken = (await other.read("job-1")).record;
    const patch = { token: null, leaseUntil: null, wakeAt: null, readyAt: taken.createdAt };
    await other.write(sampleWrite(taken, { edges: ["T7", "T2"], patch }));
    expect(await answering).toEqual([]);
    expect(proxy.dropped).toBe(1);
    const [claimed] = await ask("token-after");
    expect([claimed?.record.id, claimed?.record.attempt]).toEqual(["job-1", 2]);
  });

  it("claims a job by its message once", async () => {
    const { probe, lost } = await bench();
    await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
    const answer = await lost("token-lost", () => probe.claim({ id: "job-1", token: "token-lost" }));
    expect(answer).toMatchObject({
      status: "ok",
      job: { record: { attempt: 1, fence: 1, version: 3 }, input: "{}" },
    });
    const { record } = await probe.read("job-1");
    expect(decodeHistory(record.history).map(({ version }) => version)).toEqual([1, 2, 3]);
  });

  it("writes once: the author finds its own entry in the refusal", async () => {
    const { probe, lost } = await bench();
    const { record } = await probe.processing({ id: "job-1" });
    const item = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, transitionId: "mine", output: "7" });
    const answer = await lost("mine", () => probe.write(item));
    if (answer.status !== "refused") throw new Error("sent again, it meets its own effect");
    const entries = decodeHistory(answer.job.record.history);
    expect(entries.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(entries[3]?.transitionId).toBe("mine");
    expect((await probe.read("job-1", { output: true })).output).toBe("7");
  });

  it("dispatches once: a retry that was written is not written again", async () => {
    const { probe, lost } = await bench();
    const { record } = await probe.processing({ id: "job-1" });
    const patch = { ...SAMPLE_END, dispatch: record.dispatch + 1, sendAt: record.updatedAt };
    const item = sampleWrite(record, { edges: ["T7"], patch, transitionId: "mine" });
    await lost("mine", () => probe.write(item));
    const stored = (await probe.read("job-1")).record;
    expect([stored.dispatch, stored.attempt, stored.version]).toEqual([2, 1, record.version + 1]);
  });

  it("claims along with a write once", async () => {
    const { probe, lost } = await bench();
    const now = await probe.now();
    for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
    const [a] = await probe.claimNext({ token: "first", limit: 1 });
    const items = [sampleWrite(a!.record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
    const thenClaim = sampleNext({ token: "token-lost", limit: 1 });
    const reply = await lost("token-lost", () => probe.store.write({ ...probe.at, items, thenClaim }));
    expect(reply.results).toMatchObject([{ status: "refused", job: { record: { status: "COMPLETED" } } }]);
    expect(reply.claimed?.map(({ record }) => [record.id, record.attempt])).toEqual([["b", 1]]);
    expect((await probe.read("c")).record.status).toBe("QUEUED");
  });

  it("beats, advances and parks to the same end", async () => {
    const { probe, lost } = await bench();
    const { record } = await probe.processing({ id: "job-1", notifiers: ["ui"] });
    const beat = await lost("token-1", () => probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 }));
    expect(beat).toMatchObject({ status: "ok", version: record.version });
    const ui = { ...START, upTo: 1, attempts: 2, retryAt: 99 };
    const item = { plannedOn: record, wakeAt: 7_000, purgeAt: null, latestWakeAt: 0, cursors: { ui } };
    const items = [{ ...item, id: "job-1" }];
    const advanced = await lost("job-1", () => probe.store.advance({ ...probe.at, items }));
    expect(advanced.results).toEqual([{ status: "ok", wake: "written", cursors: { ui } }]);
    const messages = [{ id: "p-1", queue: "q", body: "b", reason: "r", at: 1 }];
    await lost("p-1", () => probe.store.park({ ...probe.at, messages }));
    expect((await probe.store.parked({ ...probe.at, limit: 9 })).messages).toEqual(messages);
  });

  it("hides what is due for its hold at most", async () => {
    const { probe, lost } = await bench();
    await probe.given(sampleJob({ id: "job-1", wakeAt: (await probe.now()) - 1 }, 0));
    // The hold is what the command can be told by.
    expect(await lost("173", () => probe.takeDue({ holdMs: 173 }))).toEqual([]);
    await probe.after(250);
    expect((await probe.takeDue()).map(({ record }) => record.id)).toEqual(["job-1"]);
  });

  it("takes effect once however often the answer is lost, for a whole lifecycle side by side", async () => {
    const { probe, proxy } = await bench();
    const now = await probe.now();
    const ids = Array.from({ length: 20 }, (_, index) => `job-${index}`);
    proxy.dropReplies("evalsha", 30);
    const run = async (id: string): Promise<void> => {
      const given = sampleQueuedJob({ id }, now);
      await probe.create({ record: given, input: "{}" });
      const claim = await probe.claim({ id, token: `t-${id}` }, sampleTerms({ transitionId: `claim-${id}` }));
      if (claim.status !== "ok") throw new Error("not claimed");
      const item = sampleWrite(claim.job.record, {
        edges: ["T5"],
        patch: SAMPLE_END,
        transitionId: `end-${id}`,
      });
      await probe.write(item);
    };
    await Promise.all(ids.map(run));
    expect(proxy.dropped).toBeGreaterThan(3);
    for (const id of ids) {
      const { record } = await probe.read(id);
      expect([record.status, record.attempt, record.fence]).toEqual(["COMPLETED", 1, 1]);
      const entries = decodeHistory(record.history).map(({ transitionId }) => transitionId);
      expect(entries).toEqual(["sample-transition", "sample-transition", `claim-${id}`, `end-${id}`]);
    }
  });
});
