// What a silent connection still carries comes to the server after another has stood in for it: it must not take what nobody
// hears of any more.
import type { RedisOptions } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { redisStore } from "../../src/redis.js";
import { SAMPLE_END, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { sampleNext, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { redisMissing, redisServer } from "./redis-server.js";

const proxies: TcpProxy[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function bench(options: RedisOptions = {}) {
  const server = await redisServer();
  const proxy = await TcpProxy.to(server.port);
  proxies.push(proxy);
  const prefix = server.prefix();
  const client = server.client({ port: proxy.port, ...options });
  const losses: unknown[] = [];
  const store = redisStore({ client, prefix });
  store.onLostWrites((lost) => losses.push(lost));
  const other = redisStore({ client: server.client(), prefix });
  const open = (of: typeof store) => new StoreProbe({ store: of, close: async () => undefined });
  const [probe, witness] = [open(store), open(other)];
  const now = await probe.now();
  for (const id of ["a", "b", "c", "d"]) await probe.given(sampleReadyJob({ id }, now));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  /** The connection goes silent with the command that holds the text. */
  const silenced = async <T>(
    text: string,
    call: () => Promise<T>,
  ): Promise<{ readonly answering: Promise<T> }> => {
    const silent = proxy.silence(text);
    const answering = call();
    await silent;
    return { answering };
  };
  /** Another connection stands in for what has no answer by then. */
  const later = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(2_000);
    vi.useRealTimers();
  };
  /** The client connects again, and sends what had no answer. */
  const back = async (): Promise<void> => {
    proxy.redirect(server.port);
    await client.ping();
  };
  const statuses = async () => {
    const jobs = await Promise.all(["a", "b", "c", "d"].map((id) => witness.read(id)));
    return jobs.map(({ record }) => `${record.id} ${record.status}`);
  };
  const end = (record: Parameters<typeof sampleWrite>[0]) =>
    sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" });
  return { client: server.client(), probe, silenced, later, back, statuses, end, losses };
}

describe.skipIf(redisMissing() !== null)(
  "a call that comes to the server after another connection has made it",
  () => {
    it("claims nothing along with its write", async () => {
      const { probe, silenced, later, back, statuses, end, losses } = await bench();
      const [a] = await probe.claimNext({ token: "first", limit: 1 });
      const thenClaim = sampleNext({ token: "token-late", limit: 2 });
      const items = [end(a!.record)];
      const { answering } = await silenced("token-late", () =>
        probe.store.write({ ...probe.at, items, thenClaim }),
      );
      await later();
      expect(await answering).toMatchObject({ results: [{ status: "ok" }], claimed: [] });
      await back();
      expect(await statuses()).toEqual(["a COMPLETED", "b QUEUED", "c QUEUED", "d QUEUED"]);
      expect(losses).toEqual([]);
    });

    it("claims nothing where it was asked for again", async () => {
      const { probe, silenced, later, back, statuses, end, losses } = await bench();
      const ask = () => probe.claimNext({ token: "token-late", limit: 1 });
      const { answering } = await silenced("token-late", ask);
      const reading = probe.read("a");
      await later();
      await reading;
      const [a] = await ask();
      await probe.write(end(a!.record));
      await back();
      expect(await answering).toEqual([]);
      expect(await statuses()).toEqual(["a COMPLETED", "b QUEUED", "c QUEUED", "d QUEUED"]);
      expect(losses).toEqual([]);
    });
  },
);

describe.skipIf(redisMissing() !== null)("a write that is sent again where replicas are waited for", () => {
  // Newer servers wait for what this very connection wrote: one that only finds what another wrote must write too.
  it("writes, though all of it is stored", async () => {
    const server = await redisServer();
    const client = server.client();
    const prefix = server.prefix();
    const calls = async () =>
      Promise.all((await client.keys(`{${prefix}:0}:a:*`)).map((key) => client.get(key)));
    const create = () =>
      // No replica is there: the call is in doubt, and stored.
      expect(
        redisStore({ client, prefix, wait: { replicas: 1, timeoutMs: 1 } }).create({
          nowMs: 0,
          items: [{ record: sampleReadyJob({ id: "a" }, 0), input: "{}" }],
        }),
      ).rejects.toMatchObject({ outcome: "unknown" });
    await create();
    await create();
    expect(await calls(), "a call of each of two store objects").toHaveLength(2);
  });
});

describe.skipIf(redisMissing() !== null)("a connection that stands in and is cut", () => {
  it("is replaced, also where the client's options let it try no more", async () => {
    const connectionName = "tries-once";
    const { client, probe, silenced, later } = await bench({ connectionName, retryStrategy: () => null });
    const { answering } = await silenced("unheard", () => probe.find("unheard"));
    await later();
    expect(await answering).toBeNull();
    const named = String(await client.client("LIST"))
      .split("\n")
      .filter((line) => line.includes(connectionName));
    const ids = named.map((line) => Number(/^id=(\d+)/.exec(line)?.[1]));
    await client.client("KILL", "ID", Math.max(...ids));
    await expect.poll(() => probe.read("a").catch(() => null)).toMatchObject({ record: { id: "a" } });
  });
});
