import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import {
  type Company,
  type PiggybackedClaim,
  createGateway,
} from "../../../src/core/engine/store/gateway.js";
import { storeTime } from "../../../src/core/engine/store/store-time.js";
import { isWaybillError } from "../../../src/core/errors/errors.js";
import type { AnyStore, ClaimNext, Store, StoredJob } from "../../../src/core/ports/store.js";
import type { Telemetry } from "../../../src/core/environment/telemetry.js";
import { countingStore } from "../../../src/testing/counting.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import {
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../../src/testing/sample-jobs.js";

function bench(over: (store: Store) => Partial<Store> = () => ({}), telemetry: Telemetry = {}) {
  const clock = fakeClock();
  const inner = memoryStore();
  const names = ["create", "read", "write", "beat", "claim", "advance", "health"] as const;
  const bound = Object.fromEntries(names.map((name) => [name, inner[name].bind(inner)]));
  const broken = { capabilities: inner.capabilities, ...bound, ...over(inner) } as AnyStore;
  const trips = countingStore(broken);
  const time = storeTime(clock, broken.capabilities.clock);
  const gateway = createGateway({
    store: trips.store,
    clock,
    time,
    telemetry,
    timeoutMs: 30_000,
    slowMs: 2_000,
  });
  const now = clock.now();
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  const create = async (...ids: string[]) =>
    inner.create({
      nowMs: now,
      items: ids.map((id) => ({ record: sampleReadyJob({ id }, now), input: "{}" })),
    });
  return { clock, inner, trips, time, gateway, now, run, create };
}

const next: ClaimNext = {
  terms: sampleTerms(),
  token: "token-next",
  kinds: [{ kind: "sample.work", leaseMs: 30_000 }],
  limit: 5,
};

function piggyback(wish: ClaimNext | null) {
  const arrived: (readonly StoredJob[] | null)[] = [];
  const it: PiggybackedClaim = {
    claimFor: () => wish,
    arrived: (jobs) => {
      arrived.push(jobs);
    },
  };
  return { it, arrived };
}

// eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- adapters reject with anything
const failing = (error: unknown) => () => Promise.reject(error);

describe("gateway", () => {
  it("tells the store whole milliseconds, whatever its clock counts", async () => {
    let told = 0;
    const { gateway, run, clock } = bench((inner) => ({
      health: (request) => {
        told = request.nowMs;
        return inner.health(request);
      },
    }));
    await clock.advance(0.5);
    await run(gateway.call("health", (store, request) => store.health(request)));
    expect([clock.now() - told, told % 1]).toEqual([0.5, 0]);
  });

  it("creates in batches of fifty, and the second of one key only after the first", async () => {
    const { gateway, trips, run, now } = bench();
    const items = Array.from({ length: 120 }, (_, index) => sampleJob({ id: `job-${index}` }, now));
    const twin = sampleJob({ id: "twin", scope: "s" }, now);
    const results = await run(
      Promise.all(
        [...items, twin, { ...twin, id: "other" }].map((record) =>
          gateway.create({ record, input: "{}" }, undefined),
        ),
      ),
    );
    expect(trips.calls.map(({ items: count }) => count)).toEqual([50, 50, 21, 1]);
    expect(results.at(-1)).toMatchObject({ status: "existing", job: { record: { id: "twin" } } });
  });

  it("calls a store that hangs unknown after its time, and does not hold up the next call for ever", async () => {
    let hangs = true;
    const { gateway, run, create, clock } = bench((store) => ({
      read: (request) => (hangs ? new Promise(() => undefined) : store.read(request)),
    }));
    await create("job-1");
    const [first] = await run(Promise.allSettled([gateway.read("job-1")]));
    expect(first).toMatchObject({
      status: "rejected",
      reason: { code: "store.unavailable", outcome: "unknown" },
    });
    hangs = false;
    expect((await run(gateway.read("job-1")))?.record.id).toBe("job-1");
    expect(clock.pending()).toBe(0);
  });

  describe("a create that waits for somebody's transaction", () => {
    /** A store that takes transactions, and whose creates under some keys wait until they are let go. */
    function waiting(...keys: readonly string[]) {
      const waits = new Set(keys);
      const calls: string[][] = [];
      const letGo: (() => void)[] = [];
      const made = bench((store) => ({
        capabilities: { ...store.capabilities, transactions: true },
        create: async (request) => {
          const names = request.items.map(({ record }) => record.scope ?? record.id);
          calls.push(names);
          if (names.some((name) => waits.has(name))) {
            await new Promise<void>((resolve) => letGo.push(resolve));
          }
          return store.create(request);
        },
      }));
      let count = 0;
      const submit = (scope: string | null, company: Company) => {
        count += 1;
        const record = sampleJob({ id: `job-${String(count)}`, scope }, made.now);
        return made.gateway.create({ record, input: "{}" }, undefined, company);
      };
      return { ...made, calls, letGo, submit };
    }

    it("holds up none that no key can be in the way of", async () => {
      const { clock, calls, submit } = waiting("a", "b", "c");
      for (const [key, company] of [
        ["a", "named"],
        ["b", "named"],
        ["c", "none"],
      ] as const) {
        void submit(key, company);
        await clock.settle();
      }
      const others = Promise.all([submit(null, "any"), submit(null, "any")]);
      await clock.settle();
      expect(calls).toEqual([["a"], ["b"], ["c"], ["job-4", "job-5"]]);
      expect((await others).map(({ status }) => status)).toEqual(["created", "created"]);
    });

    it("holds up no other key, and those of its own take no call to wait in", async () => {
      const { clock, calls, letGo, submit } = waiting("a");
      const first = submit("a", "named");
      await clock.settle();
      const later = Promise.all([submit("a", "named"), submit("a", "named")]);
      const other = submit("b", "named");
      await clock.settle();
      expect(calls).toEqual([["a"], ["b"]]);
      expect((await other).status).toBe("created");
      letGo[0]!();
      expect((await first).status).toBe("created");
      await clock.settle();
      for (let next = 1; next < 3; next += 1) {
        expect(calls).toHaveLength(next + 2);
        letGo[next]!();
        await clock.settle();
      }
      expect((await later).map(({ status }) => status)).toEqual(["existing", "existing"]);
    });

    it("is asked for alone once it is known to wait, beside all keys that nobody waits for", async () => {
      const known = ["a", "b", "c", "d", "e"];
      const { clock, calls, submit } = waiting(...known);
      for (const key of known) void submit(key, "none");
      await clock.settle();
      const others = Promise.all(["f", "g"].map((key) => submit(key, "named")));
      await clock.settle();
      expect(calls).toEqual([["a"], ["b"], ["c"], ["d"], ["f", "g"]]);
      expect((await others).map(({ status }) => status)).toEqual(["created", "created"]);
    });

    it("holds up other keys for no longer than a slow call may, however many wait", async () => {
      const { clock, calls, submit } = waiting("a", "b");
      for (const key of ["a", "b"]) {
        void submit(key, "named");
        await clock.settle();
      }
      const other = submit("c", "named");
      void submit("a", "named");
      await clock.advance(1_999);
      expect(calls).toEqual([["a"], ["b"]]);
      await clock.advance(1);
      // Those of a key that waits do so even then.
      expect(calls).toEqual([["a"], ["b"], ["c"]]);
      expect((await other).status).toBe("created");
    });
  });

  it("shares no call of a caller's transaction", async () => {
    const given: unknown[] = [];
    const { gateway, trips, run, now } = bench((store) => ({
      create: (request) => {
        given.push((request as { tx?: unknown }).tx);
        return store.create(request);
      },
    }));
    await run(
      Promise.all(
        ["a", "b"].map((id) =>
          gateway.create({ record: sampleJob({ id }, now), input: "{}" }, `tx of ${id}`),
        ),
      ),
    );
    expect(given).toEqual(["tx of a", "tx of b"]);
    expect(trips.counts.create).toBe(2);
  });

  it("reads a job once for all who ask in one turn, apart from those who want other parts of it", async () => {
    const { gateway, trips, run, create } = bench();
    await create("a", "b");
    const [a, again, b, none, withInput] = await run(
      Promise.all([
        gateway.read("a"),
        gateway.read("a"),
        gateway.read("b"),
        gateway.read("none"),
        gateway.read("a", { input: true }),
      ]),
    );
    expect([a?.record.id, again?.record.id, b?.record.id, none]).toEqual(["a", "a", "b", null]);
    expect([a?.input, withInput?.input]).toEqual([undefined, "{}"]);
    expect(trips.calls).toEqual([
      { method: "read", items: 3 },
      { method: "read", items: 1 },
    ]);
  });

  it("claims by message in one call per worker, each under its own worker's name", async () => {
    const { gateway, trips, run, inner, now } = bench();
    const ids = ["a", "b", "c"];
    await inner.create({
      nowMs: now,
      items: ids.map((id) => ({ record: sampleQueuedJob({ id }, now), input: "{}" })),
    });
    const claim = (id: string, worker: string) =>
      gateway.claim({ id, dispatch: 1, token: `t-${id}`, leaseMs: 1_000 }, sampleTerms({ worker }));
    const results = await run(Promise.all([claim("a", "one"), claim("b", "two"), claim("c", "one")]));
    expect(results.map((result) => result.status === "ok" && result.job.record.worker)).toEqual([
      "one",
      "two",
      "one",
    ]);
    expect(trips.calls.map(({ items }) => items)).toEqual([2, 1]);
  });

  it("beats and advances in one call each", async () => {
    const { gateway, trips, run, create } = bench();
    await create("a", "b");
    const plannedOn = { status: "QUEUED" as const, version: 9, token: null };
    const plan = { plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors: {} };
    await run(
      Promise.all([
        gateway.beat({ id: "a", token: "x", leaseMs: 1 }),
        gateway.beat({ id: "b", token: "x", leaseMs: 1 }),
        gateway.advance({ id: "a", ...plan }),
        gateway.advance({ id: "b", ...plan }),
      ]),
    );
    expect([trips.counts.beat, trips.counts.advance]).toEqual([1, 1]);
  });

  describe("errors of an adapter", () => {
    it.each([
      ["rejects with", failing(new Error("ECONNRESET at secret-host"))],
      [
        "throws",
        () => {
          throw new TypeError("secret-host");
        },
      ],
      ["rejects without", failing(undefined)],
    ])("says that the outcome is unknown when it %s an error of its own", async (_, write) => {
      const { gateway, run, now } = bench(() => ({ write }));
      const error: unknown = await run(gateway.write(sampleWrite(sampleJob({ id: "a" }, now)))).catch(
        (thrown: unknown) => thrown,
      );
      expect(isWaybillError(error, "store.unavailable") && error.outcome).toBe("unknown");
      expect((error as Error).message).not.toContain("secret-host");
    });

    it("passes an error of Waybill through as it is", async () => {
      const { gateway, inner, run } = bench();
      await inner.close();
      const error: unknown = await run(gateway.read("a")).catch((thrown: unknown) => thrown);
      expect(isWaybillError(error, "waybill.closed")).toBe(true);
    });

    it.each(["create", "read", "write"] as const)(
      "says that the outcome is unknown when %s is not answered item by item",
      async (method) => {
        const { gateway, run, now } = bench(() => ({
          create: async ({ nowMs }) => ({ nowMs, results: [] }),
          read: async ({ nowMs }) => ({ nowMs, jobs: [] }),
          write: async ({ nowMs }) => ({ nowMs, results: [] }),
        }));
        const record = sampleJob({ id: "a" }, now);
        const calls = {
          create: () => gateway.create({ record, input: "{}" }, undefined),
          read: () => gateway.read("a"),
          write: () => gateway.write(sampleWrite(record)),
        };
        const errors = await run(
          Promise.allSettled([calls[method](), gateway.create({ record, input: "{}" }, "tx")]),
        );
        for (const error of errors) {
          expect(error).toMatchObject({ reason: { code: "store.unavailable", outcome: "unknown" } });
        }
      },
    );
  });

  describe("a claim that rides along with writes", () => {
    it("travels in the same trip where the store can", async () => {
      const { gateway, trips, run, create, inner, now } = bench();
      await create("ready");
      await inner.create({ nowMs: now, items: [{ record: sampleJob({ id: "a" }, now), input: "{}" }] });
      const { it: riding, arrived } = piggyback(next);
      gateway.ride(piggyback(null).it);
      gateway.ride(riding);
      await run(gateway.write(sampleWrite(sampleJob({ id: "a" }, now), { edges: ["T2"] })));
      expect(arrived.map((jobs) => jobs?.map(({ record }) => record.id))).toEqual([["ready"]]);
      expect(trips.calls).toEqual([{ method: "write", items: 1 }]);
    });

    it("stays at home where the store cannot, after it has left, and when nobody wants more", async () => {
      const cannot = bench((store) => ({ capabilities: { ...store.capabilities, writeThenClaim: false } }));
      const can = bench();
      const first = piggyback(next);
      const second = piggyback(next);
      const third = piggyback(null);
      cannot.gateway.ride(first.it)();
      cannot.gateway.ride(first.it);
      can.gateway.ride(second.it)();
      can.gateway.ride(third.it);
      for (const { gateway, run, now } of [cannot, can]) {
        await run(gateway.write(sampleWrite(sampleJob({ id: "a" }, now))));
      }
      expect([first.arrived, second.arrived, third.arrived]).toEqual([[], [], []]);
    });

    it("is told when the trip has no answer in its time, and not again when one comes after all", async () => {
      let answer = (): void => undefined;
      const { gateway, run, now } = bench((store) => ({
        write: (request) =>
          new Promise((resolve) => {
            answer = () => {
              resolve(store.write(request));
            };
          }),
      }));
      const { it: riding, arrived } = piggyback(next);
      gateway.ride(riding);
      const [written] = await run(
        Promise.allSettled([gateway.write(sampleWrite(sampleJob({ id: "a" }, now)))]),
      );
      expect(written).toMatchObject({ status: "rejected", reason: { code: "store.unavailable" } });
      expect(arrived).toEqual([null]);
      answer();
      await run(Promise.resolve());
      expect(arrived).toEqual([null]);
    });

    it("is told when the trip failed, once", async () => {
      const { gateway, run, now } = bench(() => ({ write: failing(new Error("lost")) }));
      const { it: riding, arrived } = piggyback(next);
      gateway.ride(riding);
      await expect(run(gateway.write(sampleWrite(sampleJob({ id: "a" }, now))))).rejects.toThrow();
      expect(arrived).toEqual([null]);
    });

    it("arrives empty when the store had nothing to say of it", async () => {
      const { gateway, run, now } = bench((store) => ({
        write: async ({ thenClaim: _, ...request }) => store.write(request),
      }));
      const { it: riding, arrived } = piggyback(next);
      gateway.ride(riding);
      await run(gateway.write(sampleWrite(sampleJob({ id: "a" }, now))));
      expect(arrived).toEqual([[]]);
    });
  });

  describe("the store's clock", () => {
    const ahead = (store: Store): Partial<Store> => ({
      capabilities: { ...store.capabilities, clock: "server" },
      read: async (request) => ({ ...(await store.read(request)), nowMs: request.nowMs + 5_000.4 }),
    });

    it("is heard in every reply, in whole milliseconds", async () => {
      const { gateway, time, run, now } = bench(ahead);
      expect(time.now()).toBe(now);
      await run(gateway.read("a"));
      expect(time.now()).toBe(now + 5_000);
    });

    it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined])(
      "is not believed when it is %s",
      async (nowMs) => {
        const { gateway, time, run, now } = bench((store) => ({
          capabilities: { ...store.capabilities, clock: "server" },
          read: async (request) => ({ ...(await store.read(request)), nowMs: nowMs as number }),
        }));
        await expect(run(gateway.read("a"))).rejects.toMatchObject({ code: "store.unavailable" });
        expect(time.now()).toBe(now);
      },
    );

    it("is asked for once by all who want it at the same time, and anew by who comes later", async () => {
      const { gateway, trips, run } = bench();
      await run(Promise.all(Array.from({ length: 100 }, () => gateway.tellTime(undefined))));
      expect(trips.counts.create).toBe(1);
      await run(gateway.tellTime(undefined));
      expect(trips.counts.create).toBe(2);
    });

    it("is asked for again by who comes while a question hangs", async () => {
      let hangs = true;
      const { clock, gateway } = bench((store) => ({
        create: (request) => (hangs ? new Promise(() => undefined) : store.create(request)),
      }));
      const first = gateway.tellTime(undefined).catch((error: unknown) => error);
      hangs = false;
      await clock.advance(2_000);
      await gateway.tellTime(undefined);
      await clock.advance(30_000);
      expect(isWaybillError(await first, "store.unavailable")).toBe(true);
    });

    it("is asked for anew after a failure", async () => {
      let fails = true;
      const { gateway, run } = bench((store) => ({
        create: async (request) => (fails ? failing(new Error("lost"))() : store.create(request)),
      }));
      await expect(run(gateway.tellTime(undefined))).rejects.toMatchObject({ code: "store.unavailable" });
      fails = false;
      await expect(run(gateway.tellTime(undefined))).resolves.toBeUndefined();
    });

    it("is ours where the store has none", async () => {
      const { gateway, time, run, now } = bench((store) => ({
        read: async (request) => ({ ...(await store.read(request)), nowMs: request.nowMs + 5_000 }),
      }));
      await run(gateway.read("a"));
      expect(time.now()).toBe(now);
    });
  });

  describe("telemetry", () => {
    it("sees every call with its items, and the error of one that failed", async () => {
      const seen: unknown[] = [];
      const { gateway, run, create } = bench(() => ({ beat: failing(new Error("lost")) }), {
        start: (call) => (result) => seen.push([call.operation, call.items, "error" in result]),
      });
      await create("a");
      await run(Promise.all([gateway.read("a"), gateway.read("b")]));
      await run(gateway.claimNext(next));
      await run(gateway.call("health", (store, request) => store.health(request)));
      await expect(run(gateway.beat({ id: "a", token: "t", leaseMs: 1 }))).rejects.toThrow();
      expect(seen).toEqual([
        ["read", 2, false],
        ["claim", 5, false],
        ["health", 1, false],
        ["beat", 1, true],
      ]);
    });

    it("breaks nothing when its hooks throw", async () => {
      const throwing = (): never => {
        throw new Error("hook");
      };
      for (const telemetry of [{ start: throwing }, { start: () => throwing }]) {
        const { gateway, run } = bench(undefined, telemetry);
        expect(await run(gateway.read("a"))).toBeNull();
      }
    });
  });
});
