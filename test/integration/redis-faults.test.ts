import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { idUnderScope, scopeHash } from "../../src/core/json/hash.js";
import { redisStore, type RedisStoreOptions, type RedisWarning } from "../../src/redis.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { redisMissing, redisServer, type RedisServer, sleep, startRedis } from "./redis-server.js";
import { START } from "../../src/core/job/record.js";
import { freePort } from "../support/free-port.js";

const TIMEOUT_MS = 60_000;
const NOT_APPLIED = { code: "store.unavailable", outcome: "not_applied" };
const UNKNOWN = { code: "store.unavailable", outcome: "unknown" };

function quiet(client: Redis, options: Partial<RedisStoreOptions> = {}) {
  return redisStore({ client, onWarning: () => undefined, ...options });
}

async function onOwn<T>(
  settings: Readonly<Record<string, string>>,
  run: (server: RedisServer) => Promise<T>,
): Promise<T> {
  const server = await startRedis({ settings });
  try {
    return await run(server);
  } finally {
    await server.stop();
  }
}

function create(store: ReturnType<typeof redisStore>, id: string, input = '"s3cr3t"'): Promise<unknown> {
  const record = sampleReadyJob({ id, owner: "hostile-value" }, 0);
  return store.create({ nowMs: 0, items: [{ record, input }] });
}

/** The error of a call, which must be one of Waybill's, and must carry neither payloads nor scripts. */
async function faultOf(call: Promise<unknown>): Promise<{ readonly code: string; readonly outcome: string }> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown as Error & { code: string; outcome: string },
  );
  if (error === null) throw new Error("the call did not fail");
  const cause = error.cause instanceof Error ? [error.cause.message, ...Object.values(error.cause)] : [];
  expect(JSON.stringify([error.message, ...cause])).not.toMatch(/s3cr3t|hostile-value|redis\.call|evalsha/i);
  return { code: error.code, outcome: error.outcome };
}

describe.skipIf(redisMissing() !== null)("a fault of Redis", () => {
  it("that forgets its scripts is answered by sending them whole, once each", async () => {
    const server = await redisServer();
    const client = server.client();
    const probe = new StoreProbe({
      store: quiet(client, { prefix: server.prefix() }),
      close: async () => undefined,
    });
    const now = await probe.now();
    const ids = ["a", "b", "c"];
    for (const id of ids) {
      await client.script("FLUSH");
      await probe.given(sampleReadyJob({ id }, now));
      await client.script("FLUSH");
      const [job] = await probe.claimNext({ token: `token-${id}` });
      await client.script("FLUSH");
      const item = sampleWrite(job!.record, { edges: ["T5"], patch: SAMPLE_END, output: "1" });
      expect(await probe.write(item)).toEqual({ status: "ok" });
    }
    const { jobs } = await probe.list();
    expect(jobs.map(({ record }) => [record.status, record.attempt])).toEqual(
      ids.map(() => ["COMPLETED", 1]),
    );
  });

  it("before anything was sent has changed nothing", async () => {
    const server = await redisServer();
    const closed = server.client();
    await closed.quit();
    expect(await faultOf(create(quiet(closed), "job-1"))).toEqual(NOT_APPLIED);
    const refusing = server.client({ port: await freePort(), enableOfflineQueue: false });
    expect(await faultOf(create(quiet(refusing), "job-1"))).toEqual(NOT_APPLIED);
  });

  it("that does not answer in time leaves it in doubt, and a read not", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const store = quiet(server.client({ commandTimeout: 100 }), { prefix });
    await create(store, "before");
    const other = server.client();
    await other.client("PAUSE", 600, "ALL");
    const [created, read] = await Promise.all([
      faultOf(create(store, "job-1")),
      faultOf(store.read({ nowMs: 0, ids: ["job-1"] })),
    ]);
    expect([created, read]).toEqual([UNKNOWN, NOT_APPLIED]);
    await other.client("UNPAUSE");
    const [job] = (await quiet(other, { prefix }).read({ nowMs: 0, ids: ["job-1"] })).jobs;
    expect(job?.record.id, "it was applied").toBe("job-1");
  });

  it("that runs out of memory refuses a batch as a whole", { timeout: TIMEOUT_MS }, async () => {
    await onOwn({ maxmemory: "8mb", "maxmemory-policy": "noeviction" }, async (server) => {
      const client = server.client();
      const store = quiet(client);
      const probe = new StoreProbe({ store, close: async () => undefined });
      await probe.given(sampleReadyJob({ id: "there" }, 1));
      const [job] = await probe.claimNext();
      // Down to the last kilobyte.
      for (const bytes of [256 * 1024, 16 * 1024, 512]) {
        const fill = (index: number): Promise<unknown> =>
          client.set(`filler-${bytes}-${index}`, "x".repeat(bytes));
        for (let index = 0, isFull = false; !isFull; index += 1) {
          isFull = await fill(index).then(
            () => false,
            () => true,
          );
        }
      }
      const before = await client.dbsize();
      const items = Array.from({ length: 20 }, (_, index) => ({
        record: sampleReadyJob({ id: `job-${index}`, owner: "o", subject: "s" }, 1),
        input: '"s3cr3t"',
      }));
      expect(await faultOf(store.create({ nowMs: 0, items }))).toEqual(NOT_APPLIED);
      const end = sampleWrite(job!.record, { edges: ["T5"], patch: SAMPLE_END, output: '"s3cr3t"' });
      expect(await faultOf(store.write({ nowMs: 0, items: [end] }))).toEqual(NOT_APPLIED);
      expect(await client.dbsize(), "nothing was written").toBe(before);
      await client.config("SET", "maxmemory", "0");
      expect((await probe.read("there")).record).toEqual(job!.record);
      expect((await probe.list()).jobs).toHaveLength(1);
      expect(await probe.write(end)).toEqual({ status: "ok" });
    });
  });

  it("that is a replica takes nothing", { timeout: TIMEOUT_MS }, async () => {
    const server = await redisServer();
    await onOwn({ replicaof: `127.0.0.1 ${server.port}` }, async (replica) => {
      const store = quiet(replica.client(), { prefix: server.prefix() });
      expect(await faultOf(create(store, "job-1"))).toEqual(NOT_APPLIED);
    });
  });

  it("that is no script's fault but a stranger's key is in doubt, and stops nobody else", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const client = server.client();
    const store = quiet(client, { prefix });
    await create(store, "fine");
    await client.hset(`{${prefix}:0}:k:stranger`, "a", "b");
    const items = [{ record: sampleJob({ id: "job-1", kind: "stranger" }, 0), input: "{}" }];
    expect(await faultOf(store.create({ nowMs: 0, items }))).toEqual(UNKNOWN);
    await client.set(`{${prefix}:0}:j:broken`, "not a document");
    await expect(store.read({ nowMs: 0, ids: ["broken"] })).rejects.toMatchObject({ code: "store.corrupt" });
    const item = sampleWrite(sampleJob({ id: "broken" }, 0));
    await expect(store.write({ nowMs: 0, items: [item] })).rejects.toMatchObject({ code: "store.corrupt" });
    expect((await store.read({ nowMs: 0, ids: ["fine"] })).jobs[0]?.record.id).toBe("fine");
  });

  it("in a ready job that cannot be read is out of the way of the next claim", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const client = server.client();
    const probe = new StoreProbe({ store: quiet(client, { prefix }), close: async () => undefined });
    const now = await probe.now();
    await probe.given(sampleReadyJob({ id: "a", readyAt: now - 5 }, now));
    await probe.given(sampleReadyJob({ id: "b" }, now));
    await client.set(`{${prefix}:0}:j:a`, "not a document");
    expect(await probe.claimNext({ token: "first", limit: 1 })).toEqual([]);
    expect((await probe.claimNext({ token: "second" })).map(({ record }) => record.id)).toEqual(["b"]);
  });
});

describe.skipIf(redisMissing() !== null)("ready", () => {
  async function warningsOf(
    client: Redis,
    options: Partial<RedisStoreOptions> = {},
  ): Promise<readonly string[]> {
    const warnings: RedisWarning[] = [];
    await redisStore({ client, ...options, onWarning: (warning) => warnings.push(warning) }).ready();
    return warnings.map(({ code }) => code);
  }

  it(
    "refuses a server that would drop jobs, and warns of one that might",
    { timeout: TIMEOUT_MS },
    async () => {
      await onOwn({ appendonly: "yes" }, async (server) => {
        const client = server.client();
        expect(await warningsOf(client)).toEqual([]);
        await client.config("SET", "maxmemory-policy", "allkeys-lru");
        expect(await warningsOf(client)).toEqual(["eviction_possible"]);
        await client.config("SET", "maxmemory", "100mb");
        await expect(warningsOf(client)).rejects.toMatchObject({ code: "config.invalid" });
        await expect(warningsOf(client)).rejects.toThrow(/noeviction/);
        await client.config("SET", "maxmemory-policy", "volatile-lru");
        expect(await warningsOf(client)).toEqual(["eviction_possible"]);
      });
    },
  );

  it("says that a server keeps nothing", async () => {
    const server = await redisServer();
    expect(await warningsOf(server.client(), { prefix: server.prefix() })).toEqual(["not_persistent"]);
  });

  it("declares what is asked for only where it holds", { timeout: TIMEOUT_MS }, async () => {
    await onOwn({ appendonly: "yes", appendfsync: "everysec" }, async (server) => {
      const client = server.client();
      const local = redisStore({ client, durability: "local" });
      expect([quiet(client).capabilities.durability, local.capabilities.durability]).toEqual([
        "weak",
        "local",
      ]);
      await expect(local.ready()).rejects.toThrow(/appendfsync always/);
      await client.config("SET", "appendfsync", "always");
      await local.ready();
      await client.config("SET", "appendonly", "no");
      await expect(local.ready()).rejects.toMatchObject({ code: "config.invalid" });
    });
  });

  it("says so where the configuration cannot be read", { timeout: TIMEOUT_MS }, async () => {
    await onOwn({ appendonly: "yes", appendfsync: "always" }, async (server) => {
      const client = server.client();
      await client.acl("SETUSER", "default", "-config");
      expect(await warningsOf(client)).toEqual([]);
      const local = redisStore({ client, durability: "local" });
      await expect(local.ready()).rejects.toThrow(/cannot be checked/);
    });
  });

  it("refuses a replica", { timeout: TIMEOUT_MS }, async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    await quiet(server.client(), { prefix }).ready();
    await onOwn({ replicaof: `127.0.0.1 ${server.port}` }, async (replica) => {
      const client = replica.client();
      while (!(await client.info("replication")).includes("master_link_status:up")) await sleep(20);
      await expect(quiet(client, { prefix }).ready()).rejects.toThrow(/replica/);
    });
  });

  it("refuses another number of shards, and so does every other call", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    await create(quiet(server.client(), { prefix, shards: 4 }), "job-1");
    const other = quiet(server.client(), { prefix, shards: 3 });
    await expect(other.ready()).rejects.toMatchObject({ code: "store.not_migrated" });
    await expect(create(other, "job-2")).rejects.toMatchObject({ code: "store.not_migrated" });
    const same = quiet(server.client(), { prefix, shards: 4 });
    expect(
      (await same.read({ nowMs: 0, ids: ["job-1", "job-2"] })).jobs.map((job) => job?.record.id),
    ).toEqual(["job-1", undefined]);
  });
});

/** The rules that the documentation names, for a prefix. */
function grantsOf(documentation: string, prefix: string): readonly string[] {
  const block = /```acl\n([^`]*)```/.exec(documentation)?.[1];
  if (block === undefined) throw new Error("the documentation names no rules");
  return block
    .trim()
    .replaceAll("waybill:*", `${prefix}:*`)
    .replace("&waybill:waybill", `&waybill:${prefix}`)
    .split(/\s+/);
}

describe.skipIf(redisMissing() !== null)("a Redis store", () => {
  it("keeps what it stores under its prefix, also behind a prefix of the client", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const plain = server.client();
    const client = server.client({ keyPrefix: "app:" });
    const store = quiet(client, { prefix, shards: 3 });
    const probe = new StoreProbe({ store, close: async () => undefined });
    await probe.given(sampleReadyJob({ id: "job-1", owner: "o", subject: "s", notifiers: ["ui"] }, 1));
    const [job] = await probe.claimNext();
    expect(job?.record.id).toBe("job-1");
    const heard: unknown[] = [];
    await store.feed?.subscribe((hint) => heard.push(hint));
    const hint = { id: "job-1", kind: "sample.kind", version: 1, owner: null, subject: null };
    await store.feed?.publish([hint]);
    while (heard.length === 0) await sleep(5);
    expect(heard).toEqual([hint]);
    const keys = (await plain.keys(`*${prefix}*`)).filter((key) => !key.startsWith(`app:{${prefix}:`));
    expect(keys).toEqual([]);
    await store.close();
    expect(client.status, "the client is the caller's").toBe("ready");
  });

  it("finds a job made under a key on the shard of its scope", async () => {
    const server = await redisServer();
    const store = quiet(server.client(), { prefix: server.prefix(), shards: 7 });
    const probe = new StoreProbe({ store, close: async () => undefined });
    for (let index = 0; index < 30; index += 1) {
      const scope = scopeHash("o", "sample.work", `key-${index}`);
      const made = (name: string): string => idUnderScope(`${name}-${index}-0000000000`, scope);
      const first = await probe.given(sampleJob({ id: made("first"), scope }, 1));
      const again = await probe.create({ record: sampleJob({ id: made("second"), scope }, 1), input: "{}" });
      expect(again).toEqual([{ status: "existing", job: { record: first, cursors: {} } }]);
    }
    const elsewhere = sampleJob({ id: "job-x0", scope: "ff" }, 1);
    const refused = probe.create({ record: elsewhere, input: "{}" });
    await expect(refused).rejects.toMatchObject({ code: "id.invalid" });
  });

  it.each([
    { prefix: "" },
    { prefix: "a{b}" },
    { prefix: "a b" },
    { prefix: "x".repeat(65) },
    { shards: 0 },
    { shards: 1.5 },
    { shards: 2_000 },
    { wait: { replicas: 0, timeoutMs: 5 } },
    { wait: { replicas: 1, timeoutMs: 0 } },
  ])("refuses an option that is not usable: %j", async (options) => {
    const server = await redisServer();
    const client = server.client();
    expect(() => redisStore({ client, ...options })).toThrow(/config\.invalid/);
  });

  it("needs no more of Redis than its documentation says", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const grants = grantsOf(
      readFileSync(new URL("../../docs/adapters/redis.md", import.meta.url), "utf8"),
      prefix,
    );
    await server.client().acl("SETUSER", "waybill", "reset", "on", ">secret", ...grants);
    const client = server.client({ username: "waybill", password: "secret" });
    const store = quiet(client, { prefix });
    await store.ready();
    const probe = new StoreProbe({ store, close: async () => undefined });
    const heard: unknown[] = [];
    await store.feed?.subscribe((hint) => heard.push(hint));
    await store.feed?.publish([{ id: "job-1", kind: "sample.kind", version: 1, owner: null, subject: null }]);
    const now = await probe.now();
    await probe.given(sampleReadyJob({ id: "ready", owner: "o", subject: "s", scope: "x" }, now));
    await probe.claimNext();
    const { record } = await probe.awaiting({ id: "job-1", notifiers: ["ui"] }, ["i-1"]);
    await probe.beat({ id: "ready", token: "next-token", leaseMs: 1_000 });
    expect((await probe.store.byRef({ ...probe.at, kind: record.kind, refKey: "i-1" })).jobs).toHaveLength(1);
    const item = sampleWrite(record, {
      edges: ["T5"],
      patch: { ...SAMPLE_END, awaiting: null },
      output: "1",
    });
    await probe.write(item);
    for (const exhausted of [[2], []]) {
      const ui = { ...START, upTo: record.version + 2 - exhausted.length, exhausted };
      await probe.advance({ id: "job-1", wakeAt: now - 1, purgeAt: now - 1, cursors: { ui } });
    }
    expect(await probe.takeDue()).toHaveLength(1);
    await probe.store.pulse({ ...probe.at, unserved: 0 });
    const messages = ["p-1", "p-2"].map((id) => ({ id, queue: "q", body: "b", reason: "r", at: 1 }));
    await probe.store.park({ ...probe.at, messages });
    expect((await probe.store.parked({ ...probe.at, limit: 5 })).messages).toEqual(messages);
    await probe.store.unpark({ ...probe.at, ids: ["p-1"] });
    expect((await probe.health()).parked).toBe(1);
    expect((await probe.list()).jobs).toHaveLength(2);
    expect(await probe.store.purge({ ...probe.at, limit: 5, parkedBefore: 2 })).toMatchObject({
      jobs: 1,
      parked: 1,
    });
    while (heard.length === 0) await sleep(5);
    await store.close();
  });

  it("leaves nothing behind of a job that was purged", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const client = server.client();
    const probe = new StoreProbe({ store: quiet(client, { prefix }), close: async () => undefined });
    await probe.now();
    const clean = (keys: readonly string[]): readonly string[] =>
      // What belongs to no job: layout, kinds, marks of clients.
      keys.filter((key) => !/:(meta|kinds|a:.*)$/.test(key)).sort();
    const given = { owner: "o", subject: "s", scope: "x", notifiers: ["ui"] };
    const { record } = await probe.awaiting({ id: "job-1", ...given }, ["i-1", "i-2"]);
    const now = await probe.now();
    const item = sampleWrite(record, {
      edges: ["T5"],
      patch: { ...SAMPLE_END, awaiting: null },
      // No document holds it.
      output: "1".repeat(1_000),
    });
    await probe.write(item);
    const ui = { ...START, upTo: record.version + 1, exhausted: [2] };
    await probe.advance({ id: "job-1", wakeAt: null, purgeAt: now, cursors: { ui } });
    expect(clean(await client.keys(`{${prefix}:*`))).toHaveLength(9);
    await probe.after(5);
    expect((await probe.store.purge({ ...probe.at, limit: 9, parkedBefore: 0 })).jobs).toBe(1);
    expect(clean(await client.keys(`{${prefix}:*`))).toEqual([]);
  });

  it("remembers the jobs of a token for a lease, and no longer", async () => {
    const server = await redisServer();
    const prefix = server.prefix();
    const client = server.client();
    const store = quiet(client, { prefix });
    await create(store, "job-1");
    const kinds = [{ kind: "sample.work", leaseMs: 40_000 }];
    await store.claim({ nowMs: 0, next: { terms: sampleTerms(), token: "t", kinds, limit: 5 } });
    const [key] = await client.keys(`{${prefix}:0}:t:*`);
    const leftMs = await client.pttl(key!);
    expect(leftMs).toBeGreaterThan(30_000);
    expect(leftMs).toBeLessThanOrEqual(40_000);
  });
});
