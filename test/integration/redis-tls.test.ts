import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob } from "../../src/index.js";
import { type RedisStore, redisStore, type RedisStoreOptions } from "../../src/redis.js";
import { sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { type ClientOptions, redisBinary, redisMissing, RedisServer } from "./redis-server.js";
import { CERTIFICATE, KEY } from "./redis-tls-certificate.js";
import { freePort } from "../support/free-port.js";

const TIMEOUT_MS = 120_000;
const PAGE = new URL("../../docs/adapters/redis.md", import.meta.url);
const USER = { username: "waybill", password: "a password of tests" };

/** What is asked of the server here and not by the store. */
const ADMIN = new Set(["+config|resetstat", "+keys"]);
/** What every user may say. */
const GREETINGS = new Set(["+hello", "+auth"]);

const double = defineJob({
  kind: "number.double",
  input: z.object({ value: z.number() }),
  output: z.object({ doubled: z.number() }),
});

type SecureOptions = ClientOptions & Pick<RedisOptions, "tls" | "enableReadyCheck">;

interface TlsServer {
  /** Its other port speaks plain text, for whoever looks after it here. */
  readonly server: RedisServer;
  readonly admin: Redis;
  readonly tlsPort: number;
}

async function startTls(): Promise<TlsServer> {
  const tlsPort = await freePort();
  const settings = {
    "tls-port": String(tlsPort),
    "tls-cert-file": "server.crt",
    "tls-key-file": "server.key",
    "tls-auth-clients": "no",
    appendonly: "yes",
    appendfsync: "always",
  };
  const server = new RedisServer(redisBinary("redis-server")!, await freePort(), { settings });
  writeFileSync(join(server.folder, "server.crt"), CERTIFICATE);
  writeFileSync(join(server.folder, "server.key"), KEY, { mode: 0o600 });
  await server.start();
  return { server, admin: server.client(), tlsPort };
}

let shared: Promise<TlsServer> | null = null;

function tlsServer(): Promise<TlsServer> {
  shared ??= startTls();
  return shared;
}

afterAll(async () => {
  await (await shared?.catch(() => null))?.server.stop();
});

/** A connection over TLS, which is closed with the server. */
function secure({ server, tlsPort }: TlsServer, options: SecureOptions = {}): Redis {
  const tls = { ca: CERTIFICATE };
  return server.own(new Redis({ host: "127.0.0.1", port: tlsPort, tls, ...USER, ...options }));
}

/** The rules that the documentation names, for any prefix that begins with `test-`. */
function documentedRules(): readonly string[] {
  const block = /```acl\n([^`]*)```/.exec(readFileSync(PAGE, "utf8"))?.[1];
  if (block === undefined) throw new Error("the documentation names no rules");
  const rules = block.replace("~{waybill:*", "~{test-*").replace("&waybill:waybill", "&waybill:test-*");
  return rules.trim().split(/\s+/);
}

async function allow({ admin }: TlsServer, rules: readonly string[]): Promise<void> {
  await admin.acl("SETUSER", USER.username, "reset", "on", `>${USER.password}`, ...rules);
}

function quiet(client: Redis, prefix: string, options: Partial<RedisStoreOptions> = {}) {
  return redisStore({ client, prefix, onWarning: () => undefined, ...options });
}

/** What a connection that fails says of it. */
async function connectionFault(client: Redis): Promise<string> {
  const faults: string[] = [];
  client.on("error", (error: Error) => faults.push(error.message));
  await client.connect().catch((error: unknown) => faults.push(String(error)));
  client.disconnect();
  return faults.join("; ");
}

describe.skipIf(redisMissing() !== null)("a Redis store over TLS", () => {
  it("runs a job from submit to its result, for a user of its own", { timeout: TIMEOUT_MS }, async () => {
    const tls = await tlsServer();
    await allow(tls, documentedRules());
    const store = quiet(secure(tls), tls.server.prefix(), { durability: "local" });
    await store.ready();
    const waybill = createWaybill({ jobs: [double], store });
    const worker = waybill.worker([double.handle(({ input }) => ({ doubled: input.value * 2 }))]);
    const running = worker.run();
    try {
      const seen: string[] = [];
      const job = await waybill.submit(double, { value: 21 }, { owner: "ann" }).unwrap();
      for await (const { status } of waybill.watch(job.id)) seen.push(status);
      expect(seen.at(-1)).toBe("COMPLETED");
      expect(await waybill.result(double, job.id, { timeoutMs: 30_000 })).toEqual({ doubled: 42 });
      const clients = String(await tls.admin.client("LIST")).split("\n");
      const own = clients.filter((line) => line.includes(` user=${USER.username} `));
      // One for calls and one for the feed, both on the port that speaks TLS only.
      expect(own.length).toBeGreaterThanOrEqual(2);
      expect(own.filter((line) => !line.includes(` laddr=127.0.0.1:${tls.tlsPort} `))).toEqual([]);
    } finally {
      await worker.stop();
      await running;
      await waybill.close();
    }
  });

  it(
    "does not talk to a server whose certificate nobody vouches for, nor in plain text",
    { timeout: TIMEOUT_MS },
    async () => {
      const tls = await tlsServer();
      await allow(tls, documentedRules());
      const once = { lazyConnect: true, retryStrategy: () => null } as const;
      expect(await connectionFault(secure(tls, { ...once, tls: {} }))).toMatch(/self-signed certificate/);
      const plain = tls.server.client({ port: tls.tlsPort, ...once });
      expect(await connectionFault(plain)).not.toBe("");
      expect(await connectionFault(secure(tls, once))).toBe("");
    },
  );

  it("uses every right that its documentation asks for, and no other", { timeout: TIMEOUT_MS }, async () => {
    const tls = await tlsServer();
    const rules = documentedRules();
    await allow(tls, rules);
    await tls.admin.script("FLUSH");
    await tls.admin.config("RESETSTAT");
    expect(await refusalsOfSuite(tls)).toEqual([]);
    const local = quiet(secure(tls), tls.server.prefix(), { durability: "local" });
    await local.ready();
    await local.feed?.subscribe(() => undefined);
    await local.feed?.publish([{ id: "job-1", kind: "sample.kind", version: 1, owner: null, subject: null }]);
    await local.close();
    const waits = quiet(secure(tls), tls.server.prefix(), { wait: { replicas: 1, timeoutMs: 1 } });
    await expect(waits.pulse({ nowMs: 0, unserved: 0 })).rejects.toMatchObject({ outcome: "unknown" });
    await loseWrites(tls);
    const called = [...(await tls.admin.info("commandstats")).matchAll(/^cmdstat_(.+?):calls=(\d+)/gm)]
      .filter(([, , calls]) => calls !== "0")
      .map(([, command]) => `+${String(command)}`);
    const used = called.filter((command) => !GREETINGS.has(command) && !ADMIN.has(command));
    const granted = rules.filter((rule) => rule.startsWith("+"));
    expect(used.sort()).toEqual(granted.sort());
  });

  it("needs no right to say who it is, in either protocol", { timeout: TIMEOUT_MS }, async () => {
    const tls = await tlsServer();
    await allow(tls, documentedRules());
    for (const protocol of [2, 3] as const) {
      const store = quiet(secure(tls, { protocol }), tls.server.prefix());
      await store.ready();
      await store.close();
    }
  });

  const lacks = /The Redis user of the store lacks a permission/;
  const unavailable = { code: "store.unavailable", message: expect.stringMatching(lacks) };
  const unheard = { code: "feed.unavailable", message: expect.stringMatching(/feed/) };
  it.each([
    { without: "+evalsha", call: "ready", fault: { ...unavailable, outcome: "not_applied" } },
    { without: "+evalsha", call: "create", fault: { ...unavailable, outcome: "not_applied" } },
    { without: "~{test-*", call: "create", fault: { ...unavailable, outcome: "not_applied" } },
    { without: "+info", call: "ready", fault: unavailable },
    {
      without: "+config|get",
      call: "ready",
      fault: { code: "config.invalid", message: expect.stringMatching(/cannot be checked/) },
    },
    { without: "+time", call: "ready", fault: { ...unavailable, outcome: "not_applied" } },
    { without: "+mset", call: "create", fault: { ...unavailable, outcome: "unknown" } },
    { without: "+zadd", call: "create", fault: { ...unavailable, outcome: "unknown" } },
    { without: "&waybill:test-*", call: "subscribe", fault: unheard },
    { without: "+subscribe", call: "subscribe", fault: unheard },
    { without: "+publish", call: "publish", fault: unheard },
  ] as const)(
    "says what fails to a user without $without: $call",
    { timeout: TIMEOUT_MS },
    async ({ without, call, fault }) => {
      const tls = await tlsServer();
      const rules = documentedRules();
      expect(rules).toContain(without);
      await allow(
        tls,
        rules.filter((rule) => rule !== without),
      );
      // A client that may not ask for INFO says so itself, on the console.
      const client = secure(tls, { enableReadyCheck: without !== "+info" });
      const store = quiet(client, tls.server.prefix(), { durability: "local" });
      try {
        await expect(callOf(store)[call]()).rejects.toMatchObject(fault);
      } finally {
        await store.close();
        client.disconnect();
      }
    },
  );
});

function callOf(store: RedisStore) {
  return {
    ready: () => store.ready(),
    create: () =>
      store.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id: "job-1" }, 0), input: "1" }] }),
    subscribe: async () => store.feed?.subscribe(() => undefined),
    publish: async () =>
      store.feed?.publish([{ id: "job-1", kind: "sample.kind", version: 1, owner: null, subject: null }]),
  };
}

/** The store's suite, some tests at a time. @returns what failed for want of a right: the rest is judged elsewhere */
async function refusalsOfSuite(tls: TlsServer): Promise<readonly string[]> {
  const tests: { readonly title: string; readonly run: () => Promise<void> | void }[] = [];
  const runner = {
    describe: (_: string, fn: () => void) => {
      fn();
    },
    it: (title: string, run: () => Promise<void> | void) => {
      tests.push({ title, run });
    },
  };
  storeSuite(runner, { create: () => fixture(tls) });
  expect(tests.length).toBeGreaterThan(50);
  const refusals: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = tests.shift(); next !== undefined; next = tests.shift()) {
      try {
        await next.run();
      } catch (error) {
        if (/permission|refused/.test(String(error))) refusals.push(`${next.title}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return refusals;
}

async function fixture(tls: TlsServer) {
  const client = secure(tls);
  const prefix = tls.server.prefix();
  const store = quiet(client, prefix);
  return {
    store,
    second: async () => quiet(client, prefix),
    reopen: async () => quiet(client, prefix),
    close: async () => {
      await store.close();
      client.disconnect();
    },
  };
}

/** A store finds out that the server has lost what it wrote. */
async function loseWrites(tls: TlsServer): Promise<void> {
  const prefix = tls.server.prefix();
  const store = quiet(secure(tls), prefix);
  let losses = 0;
  store.onLostWrites(() => {
    losses += 1;
  });
  await store.pulse({ nowMs: 0, unserved: 0 });
  await tls.admin.del(await tls.admin.keys(`{${prefix}:0}:a:*`));
  await store.pulse({ nowMs: 0, unserved: 0 });
  expect(losses).toBe(1);
}
