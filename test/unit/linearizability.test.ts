import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { StoreCorruptError, StoreUnavailableError } from "../../src/core/errors/errors.js";
import type { Outcome } from "../../src/core/errors/error-codes.js";
import type { Store } from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { checkLinearizable } from "../../src/testing/linearizability/check-linearizable.js";
import { storeHistory, type StoreHistory } from "../../src/testing/linearizability/store-history.js";
import { recordingStore } from "../../src/testing/recording-store.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";

const NOW_MS = 1_750_000_000_000;
const at = { nowMs: NOW_MS };

/** One call on its way: when it arrives and what the caller hears of it are said by the test. */
class HeldCall {
  readonly #call: () => Promise<unknown>;
  #reply: unknown;
  #settle: { resolve(value: unknown): void; reject(error: unknown): void } | null = null;
  readonly answer: Promise<unknown>;

  constructor(call: () => Promise<unknown>) {
    this.#call = call;
    this.answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  async arrives(): Promise<this> {
    this.#reply = await this.#call();
    return this;
  }

  async isAnswered(): Promise<void> {
    this.#settle?.resolve(this.#reply);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async fails(outcome: Outcome): Promise<void> {
    this.#settle?.reject(new StoreUnavailableError("No answer.", { outcome }));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Bench {
  /** Answers at once. */
  readonly store: Store;
  readonly history: StoreHistory;
  /** Makes a call of which the test says the rest. */
  held(call: (store: Store) => Promise<unknown>): HeldCall;
}

function bench(inner: Store = memoryStore()): Bench {
  const history = storeHistory();
  const { store } = recordingStore(inner, history);
  return {
    store,
    history,
    held(call) {
      let held: HeldCall | null = null;
      const holding = interceptStore(inner, <T>(_method: string, _items: number, run: () => Promise<T>) => {
        held = new HeldCall(run);
        return held.answer as Promise<T>;
      });
      void call(recordingStore(holding, history).store).catch(() => undefined);
      return held!;
    },
  };
}

async function stored(store: Store, record: JobRecord): Promise<JobRecord> {
  await store.create({ ...at, items: [{ record, input: "{}" }] });
  return record;
}

async function running({ store }: Bench, id = "job-1"): Promise<JobRecord> {
  await stored(store, sampleQueuedJob({ id }, NOW_MS));
  const items = [{ id, dispatch: 1, token: "token-1", leaseMs: 1_000 }];
  const { results } = await store.claim({ ...at, byMessage: { terms: sampleTerms(), items } });
  if (results[0]?.status !== "ok") throw new Error("not claimed");
  return results[0].job.record;
}

function phase(record: JobRecord, transitionId = "change-1") {
  return { ...at, items: [sampleWrite(record, { edges: ["phase"], transitionId })] };
}

const read = (store: Store, id = "job-1") => store.read({ ...at, ids: [id] });

/** A store that says another thing than it does. */
function lying(change: (store: Store) => Partial<Store>): Store {
  const store = memoryStore();
  return { ...interceptStore(store, (_method, _items, call) => call()), ...change(store) };
}

describe("a history that is accepted", () => {
  it("has calls that overlap and are seen in either order", async () => {
    const on = bench();
    const record = await running(on);
    const write = on.held((store) => store.write(phase(record)));
    await read(on.store);
    await write.arrives();
    const late = on.held((store) => read(store));
    await late.arrives();
    await read(on.store);
    await write.isAnswered();
    await late.isAnswered();
    expect(on.history.check()).toEqual([]);
  });

  it("has a write in doubt that takes effect long after it was given up", async () => {
    const on = bench();
    const record = await running(on);
    const write = on.held((store) => store.write(phase(record)));
    await write.fails("unknown");
    await read(on.store);
    await write.arrives();
    const { jobs } = await read(on.store);
    expect(jobs[0]?.record.version).toBe(record.version + 1);
    expect(on.history.check()).toEqual([]);
  });

  it("has a write in doubt that never takes effect", async () => {
    const on = bench();
    const record = await running(on);
    await on.held((store) => store.write(phase(record))).fails("unknown");
    await on.store.write(phase(record, "change-2"));
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });

  it("has a call that nobody has heard of yet", async () => {
    const on = bench();
    const record = await running(on);
    await on.held((store) => store.write(phase(record))).arrives();
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });

  it("has a claim of the next jobs in doubt, shown by its token", async () => {
    const on = bench();
    await stored(on.store, sampleReadyJob({ id: "job-1" }, NOW_MS));
    const next = {
      terms: sampleTerms(),
      token: "next-1",
      kinds: [{ kind: "sample.work", leaseMs: 10 }],
      limit: 1,
    };
    await (await on.held((store) => store.claim({ ...at, next })).arrives()).fails("unknown");
    const { jobs } = await read(on.store);
    expect(jobs[0]?.record.token).toBe("next-1");
    // Asked again under its token it is answered by what it holds.
    expect((await on.store.claim({ ...at, next })).jobs).toHaveLength(1);
    expect(on.history.check()).toEqual([]);
  });

  it("has a claim of the next jobs in doubt that shows only by a plan that was not written", async () => {
    const on = bench();
    const record = await stored(on.store, sampleReadyJob({ id: "job-1" }, NOW_MS));
    const thenClaim = {
      terms: sampleTerms(),
      token: "next-1",
      kinds: [{ kind: "sample.work", leaseMs: 10 }],
      limit: 1,
    };
    const write = on.held((store) => store.write({ ...at, items: [], thenClaim }));
    await (await write.arrives()).fails("unknown");
    const plan = { wakeAt: null, purgeAt: null, latestWakeAt: NOW_MS, cursors: {} };
    const { results } = await on.store.advance({
      ...at,
      items: [{ id: "job-1", plannedOn: record, ...plan }],
    });
    expect(results[0]).toMatchObject({ status: "ok", wake: "kept" });
    expect(on.history.check()).toEqual([]);
  });

  it("has claims that ride along with writes", async () => {
    const on = bench();
    const record = await running(on);
    await stored(on.store, sampleReadyJob({ id: "job-2" }, NOW_MS));
    const kinds = [{ kind: "sample.work", leaseMs: 10 }];
    const thenClaim = { terms: sampleTerms(), token: "next-1", kinds, limit: 1 };
    const { claimed } = await on.store.write({ ...phase(record), thenClaim });
    expect(claimed).toHaveLength(1);
    await read(on.store, "job-2");
    expect(on.history.check()).toEqual([]);
  });

  it("has a job that was purged, missed, and made anew", async () => {
    const on = bench();
    const record = await running(on);
    const patch = { ...SAMPLE_END, purgeAt: NOW_MS };
    await on.store.write({ ...at, items: [sampleWrite(record, { edges: ["T5"], patch, output: "1" })] });
    expect((await on.store.purge({ ...at, limit: 10, parkedBefore: 0 })).jobs).toBe(1);
    expect((await read(on.store)).jobs).toEqual([null]);
    await stored(on.store, sampleJob({ id: "job-1" }, NOW_MS));
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });

  it("has a key that belongs to another job", async () => {
    const on = bench();
    await stored(on.store, sampleJob({ id: "job-1", scope: "scope-1" }, NOW_MS));
    await stored(on.store, sampleJob({ id: "job-2", scope: "scope-1" }, NOW_MS));
    expect((await read(on.store, "job-2")).jobs).toEqual([null]);
    expect(on.history.check()).toEqual([]);
  });

  it("has a create inside a transaction that commits after its answer", async () => {
    const inner = memoryStore();
    const commit: (() => Promise<unknown>)[] = [];
    const on = bench({
      ...interceptStore(inner, (_method, _items, call) => call()),
      create: async ({ tx: _, ...request }) => {
        commit.push(() => inner.create(request));
        return { nowMs: NOW_MS, results: request.items.map(() => ({ status: "created" })) };
      },
    });
    const items = [{ record: sampleJob({ id: "job-1" }, NOW_MS), input: "{}" }];
    await on.store.create({ ...at, items, tx: "mine" as never });
    expect((await read(on.store)).jobs).toEqual([null]);
    await commit[0]?.();
    expect((await read(on.store)).jobs[0]).not.toBeNull();
    expect(on.history.check()).toEqual([]);
  });

  it("has a store whose clock nobody can read: guards on time go either way", async () => {
    const clock = { nowMs: NOW_MS };
    const inner = memoryStore();
    const own = <R extends { readonly nowMs: number }>(request: R): R => ({ ...request, ...clock });
    const on = bench({
      ...interceptStore(inner, (_method, _items, call) => call()),
      capabilities: { ...inner.capabilities, clock: "server" },
      write: (request) => inner.write(own(request)),
      claim: (request) => inner.claim(own(request)),
    });
    await stored(on.store, sampleQueuedJob({ id: "job-1" }, NOW_MS));
    const items = [{ id: "job-1", dispatch: 1, token: "token-1", leaseMs: 1_000 }];
    const claim = on.held((store) => store.claim({ nowMs: 0, byMessage: { terms: sampleTerms(), items } }));
    await (await claim.arrives()).fails("unknown");
    const { jobs } = await read(on.store);
    const record = jobs[0]!.record;
    const guard = { expiredLease: record.leaseUntil ?? 0 };
    const sweep = sampleWrite(record, { edges: ["T7"], guard, patch: SAMPLE_END });
    expect((await on.store.write({ nowMs: 0, items: [sweep] })).results[0]?.status).toBe("refused");
    clock.nowMs += 1_000;
    expect((await on.store.write({ nowMs: 0, items: [sweep] })).results[0]?.status).toBe("ok");
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });

  it("goes on from whatever is seen first after the store lost writes", async () => {
    const history = storeHistory();
    const before = recordingStore(memoryStore(), history).store;
    const after = recordingStore(memoryStore(), history).store;
    for (const store of [before, after]) {
      if (store === after) history.noteLostWrites();
      const record = await stored(store, sampleQueuedJob({ id: "job-1" }, NOW_MS));
      await store.write({ ...at, items: [sampleWrite(record, { patch: { send: 1 } })] });
      await read(store);
    }
    expect(history.check()).toEqual([]);
  });

  it("begins in the middle of a job's life after a loss", async () => {
    const on = bench();
    const record = await running(on);
    on.history.noteLostWrites();
    await on.store.write(phase(record));
    await on.store.beat({ ...at, items: [{ id: "job-1", token: "token-1", leaseMs: 5 }] });
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });
});

describe("a history that is not", () => {
  it("names the job, the first answer that nothing explains, and what the store held, without a token", async () => {
    const on = bench(
      lying((store) => ({
        write: async (request) => ({
          ...(await store.read({ ...at, ids: [] })),
          results: request.items.map(() => ({ status: "ok" })),
        }),
      })),
    );
    const record = await running(on);
    await on.store.write(phase(record));
    await read(on.store);
    await read(on.store);
    const faults = on.history.check();
    expect(faults.map(({ text }) => text)).toEqual([
      "Job job-1: the read #7 was answered with PROCESSING version 3 (fence 1, dispatch 1, attempt 1, held, cursors none), " +
        "which no order of its operations explains: by the 3 answers before it the store held " +
        "PROCESSING version 4 (fence 1, dispatch 1, attempt 1, held, cursors none).",
    ]);
    expect(faults[0]).toMatchObject({ jobId: "job-1", verdict: "not_linearizable", answered: 4 });
    expect(JSON.stringify(faults[0]?.text)).not.toContain("token-1");
  });

  it("has a change that was said not to be applied", async () => {
    const on = bench();
    const record = await running(on);
    await (await on.held((store) => store.write(phase(record))).arrives()).fails("not_applied");
    await read(on.store);
    expect(on.history.check()).toHaveLength(1);
  });

  it("has a job that is back although nobody made it anew", async () => {
    const on = bench();
    const record = await running(on);
    const patch = { ...SAMPLE_END, purgeAt: NOW_MS };
    const end = sampleWrite(record, { edges: ["T5"], patch, output: "1" });
    await on.store.write({ ...at, items: [end] });
    const { jobs } = await read(on.store);
    await on.store.purge({ ...at, limit: 10, parkedBefore: 0 });
    await read(on.store);
    expect(on.history.check()).toEqual([]);
    const { operations, lostWrites } = on.history;
    const shown = {
      jobId: "job-1",
      call: { op: "read" },
      invokedAt: 1_000,
      answeredAt: 1_001,
      nowMs: NOW_MS,
    } as const;
    const before = operations.find(({ call, answer }) => call.op === "read" && answer?.status === "ok");
    expect(jobs[0]).not.toBeNull();
    const back = { ...shown, answer: before?.answer ?? null };
    expect(checkLinearizable({ operations: [...operations, back], lostWrites })).toHaveLength(1);
  });

  it("breaks within one of the pieces between two losses", async () => {
    const on = bench();
    const record = await running(on);
    await on.store.write(phase(record));
    on.history.noteLostWrites(["job-1"]);
    const { jobs } = await read(on.store);
    await (
      await on.held((store) => store.write(phase(jobs[0]!.record, "change-2"))).arrives()
    ).fails("not_applied");
    await read(on.store);
    expect(on.history.check()).toHaveLength(1);
  });

  it("excuses no job by the loss of another", async () => {
    const on = bench();
    const record = await running(on);
    await (await on.held((store) => store.write(phase(record))).arrives()).fails("not_applied");
    on.history.noteLostWrites(["job-2"]);
    await read(on.store);
    expect(on.history.check()).toHaveLength(1);
  });

  it("is called undecided where not every order could be tried", async () => {
    const on = bench();
    const record = await running(on);
    await on.store.write(phase(record));
    expect(on.history.check({ mostTried: 1 })).toEqual([
      {
        jobId: "job-1",
        verdict: "undecided",
        operation: null,
        answered: 3,
        text: "Job job-1: no order of its 3 operations was found in 1 tries, and not every order was tried.",
      },
    ]);
  });
});

describe("a recorder", () => {
  it("takes a record that cannot be read for a change that may have happened", async () => {
    const on = bench(
      lying((store) => ({
        claim: async (request) => {
          await store.claim(request);
          throw new StoreCorruptError("job-1", "a status that is none");
        },
      })),
    );
    await stored(on.store, sampleQueuedJob({ id: "job-1" }, NOW_MS));
    const items = [{ id: "job-1", dispatch: 1, token: "token-1", leaseMs: 1_000 }];
    const claim = on.store.claim({ ...at, byMessage: { terms: sampleTerms(), items } });
    await expect(claim).rejects.toThrow("job-1");
    await read(on.store);
    expect(on.history.check()).toEqual([]);
  });

  it("takes no history that it cannot write to", () => {
    const foreign: StoreHistory = { ...storeHistory(), operations: [], lostWrites: [] };
    expect(() => recordingStore(memoryStore(), foreign)).toThrow(TypeError);
  });

  it("hands requests and replies through as they are", async () => {
    const inner = memoryStore();
    const { store } = recordingStore(inner);
    await stored(store, sampleReadyJob({ id: "job-1" }, NOW_MS));
    expect(await read(store)).toEqual(await read(inner));
    expect(await store.health(at)).toEqual(await inner.health(at));
    expect(store.capabilities).toBe(inner.capabilities);
    await store.close();
    await expect(read(inner)).rejects.toThrow("closed");
  });
});
