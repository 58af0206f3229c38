import { describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import { accepted, claimed, type StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { dynamoDbBench } from "./dynamodb-bench.js";
import { dynamoDb } from "./dynamodb-server.js";
import { START } from "../../src/core/job/record.js";

const engine = dynamoDb();

/** A client that reports each failure at once: what is repeated is repeated by the store. */
const ONE_TRY = { maxAttempts: 1 };

const BUSY = [
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
  "TransactionConflictException",
];

/** As an input it goes over 3 KB by a little: its tail is in the item of the job. */
const LONG = JSON.stringify("long ".repeat(616));

/** The outcome of a call that must fail with `store.unavailable`. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown as Error & { code: string; outcome: string },
  );
  if (error === null) throw new Error("the call did not fail");
  expect(error.code).toBe("store.unavailable");
  expect(error.message).not.toMatch(/long long|by the proxy|127\.0\.0\.1/);
  return error.outcome;
}

/** A whole life: every sort of request that the store makes, with payloads in items of their own. */
async function live(probe: StoreProbe, id: string, scope: string | null): Promise<void> {
  const now = await probe.now();
  await probe.create({ record: sampleJob({ id, scope, notifiers: ["ui"], owner: "o" }, now), input: LONG });
  const job = claimed(await probe.claim({ id }));
  expect(job.input).toBe(LONG);
  accepted(await probe.beat({ id, token: "token-1", leaseMs: 60_000 }));
  const awaiting = {
    ref: { launch: 1 },
    refKeys: [`ref of ${id}`],
    since: now,
    deadlineAt: now + 3_600_000,
    nextPollAt: now + 30_000,
    fence: 1,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
  const phase = sampleWrite(job.record, { edges: ["phase"], patch: { awaiting } });
  accepted(await probe.write(phase));
  const { record } = await probe.read(id);
  const { jobs } = await probe.store.byRef({ ...probe.at, kind: record.kind, refKey: `ref of ${id}` });
  expect(jobs.map((found) => found.record.id)).toEqual([id]);
  const patch = { ...SAMPLE_END, awaiting: null, wakeAt: now - 1, purgeAt: null };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: LONG })));
  expect((await probe.takeDue()).map((due) => due.record.id)).toEqual([id]);
  const ui = { ...START, upTo: record.version + 1 };
  await probe.advance({ id, wakeAt: null, purgeAt: now - 1, cursors: { ui } });
}

describe("a busy table", () => {
  it.each(BUSY)("delays every request once by %s, and nothing is lost", async (error) => {
    const { probe, proxy, items } = await dynamoDbBench(await engine(), {}, ONE_TRY);
    const refused = new Set<string>();
    proxy.fate(({ body, operation }) => {
      const key = operation + body;
      if (refused.has(key)) return "pass";
      refused.add(key);
      return { error };
    });
    await live(probe, "with-key", "scope-1");
    const stored = await probe.read("with-key", { input: true, output: true });
    expect([stored.record.status, stored.input, stored.output]).toEqual(["COMPLETED", LONG, LONG]);
    expect(decodeHistory(stored.record.history).map(({ edge }) => edge)).toEqual([
      "T1",
      "T2",
      "T4",
      "phase",
      "T5",
    ]);
    expect((await probe.health()).undeliverable).toBe(0);
    expect((await probe.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs).toBe(1);
    expect(await items()).toEqual([]);
    expect(refused.size).toBeGreaterThan(20);
  });

  it("gives up in time, and says that nothing was written", async () => {
    const { store, probe, proxy, items } = await dynamoDbBench(await engine(), { retryForMs: 60 }, ONE_TRY);
    proxy.fate(() => ({ error: "ThrottlingException" }));
    const create = { ...probe.at, items: [{ record: sampleJob({ id: "job-1" }, 0), input: LONG }] };
    expect(await outcomeOf(store.create(create))).toBe("not_applied");
    expect(await outcomeOf(store.read({ ...probe.at, ids: ["job-1"] }))).toBe("not_applied");
    expect(proxy.seen.length).toBeGreaterThan(2);
    expect(await items()).toEqual([]);
  });

  it("says of a batch of which a part is stored that it does not know", async () => {
    const { store, probe, proxy } = await dynamoDbBench(await engine(), { retryForMs: 60 }, ONE_TRY);
    proxy.fate(({ body }) => (body.includes("job-2") ? { error: "ThrottlingException" } : "pass"));
    const items = ["job-1", "job-2"].map((id) => ({ record: sampleJob({ id }, 0), input: "{}" }));
    expect(await outcomeOf(store.create({ ...probe.at, items }))).toBe("unknown");
    proxy.fate(() => "pass");
    const { results } = await store.create({ ...probe.at, items });
    expect(results.map(({ status }) => status)).toEqual(["existing", "created"]);
  });

  it("does not take a fault of the service for a refusal: what may be stored is in doubt", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine(), { retryForMs: 60 }, ONE_TRY);
    const given = await probe.given(sampleQueuedJob({ id: "job-1" }, await probe.now()));
    proxy.fate(({ operation }) => (operation === "UpdateItem" ? { error: "InternalServerError" } : "pass"));
    expect(await outcomeOf(probe.write(sampleWrite(given, { edges: ["T3"] })))).toBe("unknown");
  });
});

describe("a lost answer", () => {
  it.each([
    ["the client repeats nothing", ONE_TRY],
    ["the client repeats by itself", { maxAttempts: 3 }],
  ])("leaves the outcome unknown, and the writer finds its own entry: %s", async (_title, config) => {
    const { probe, proxy } = await dynamoDbBench(await engine(), {}, config);
    const { record } = await probe.processing({ id: "job-1" });
    const lost = new Set<string>();
    proxy.fate(({ operation, body }) => {
      if (operation !== "UpdateItem" || lost.has(body)) return "pass";
      lost.add(body);
      return "lose response";
    });
    const write = sampleWrite(record, {
      edges: ["T5"],
      patch: SAMPLE_END,
      transitionId: "mine",
      output: LONG,
    });
    expect(await outcomeOf(probe.write(write))).toBe("unknown");
    proxy.fate(() => "pass");
    const again = await probe.write(write);
    if (again.status !== "refused") throw new Error("the write was taken twice");
    const entry = decodeHistory(again.job.record.history).find(
      ({ version }) => version === record.version + 1,
    );
    expect(entry?.transitionId).toBe("mine");
    expect((await probe.read("job-1", { output: true })).output).toBe(LONG);
    expect(again.job.record.version).toBe(record.version + 1);
  });

  it("does not hurt a beat, a claim or an advance that the client repeats by itself", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine(), {}, { maxAttempts: 3 });
    await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, await probe.now()), LONG);
    const lost = new Set<string>();
    proxy.fate(({ operation, body }) => {
      if (operation !== "UpdateItem" || lost.has(body)) return "pass";
      lost.add(body);
      return "lose response";
    });
    const job = claimed(await probe.claim({ id: "job-1" }));
    expect([job.record.fence, job.record.attempt, job.input]).toEqual([1, 1, LONG]);
    accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 1_000 }));
    const ui = { ...START, upTo: 3 };
    accepted(await probe.advance({ id: "job-1", wakeAt: job.record.wakeAt, cursors: { ui } }));
    expect((await probe.read("job-1")).cursors).toEqual({ ui });
    expect(lost.size).toBe(3);
  });

  it("takes a due job that the client repeated to take, instead of leaving it to nobody for its hold", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine(), {}, { maxAttempts: 3 });
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", wakeAt: now - 1 }, now));
    let lost = 0;
    proxy.fate(({ operation }) => {
      if (operation !== "UpdateItem" || lost > 0) return "pass";
      lost += 1;
      return "lose response";
    });
    expect((await probe.takeDue({ holdMs: 30_000 })).map(({ record }) => record.id)).toEqual(["job-1"]);
    expect(await probe.takeDue({ holdMs: 30_000 })).toEqual([]);
    expect(lost).toBe(1);
  });

  it("serves the due jobs that were taken beside one that could not be", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine(), { retryForMs: 0 }, { maxAttempts: 1 });
    const now = await probe.now();
    for (const id of ["good", "unlucky"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
    proxy.fate(({ operation, body }) =>
      operation === "UpdateItem" && body.includes('"unlucky"') ? "lose request" : "pass",
    );
    expect((await probe.takeDue({ holdMs: 30_000 })).map(({ record }) => record.id)).toEqual(["good"]);
    expect(await outcomeOf(probe.takeDue())).not.toBe("ok");
    proxy.fate(() => "pass");
    expect((await probe.takeDue()).map(({ record }) => record.id)).toEqual(["unlucky"]);
  });

  it("keeps the input of a job whose create the client repeated by itself", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine(), {}, { maxAttempts: 3 });
    const lost = new Set<string>();
    proxy.fate(({ operation, body }) => {
      if (operation !== "PutItem" || lost.has(body)) return "pass";
      lost.add(body);
      return "lose response";
    });
    for (const [id, scope] of [
      ["plain", null],
      ["keyed", "scope-1"],
    ] as const) {
      const [answer] = await probe.create({
        record: sampleJob({ id, scope }, await probe.now()),
        input: LONG,
      });
      expect(["created", "existing"]).toContain(answer?.status);
      expect((await probe.read(id, { input: true })).input).toBe(LONG);
    }
    expect(lost.size).toBe(5);
  });
});

describe("a network that fails by chance", () => {
  it.each([1, 2, 3])("changes each job once for each accepted change (seed %i)", async (seed) => {
    const { probe, proxy, store } = await dynamoDbBench(await engine(), {}, { maxAttempts: 2 });
    const random = seededRandom(seed);
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1" }, now));
    proxy.fate(() => {
      const drawn = random();
      if (drawn < 0.15) return "lose request";
      if (drawn < 0.3) return "lose response";
      return drawn < 0.4 ? { error: "ThrottlingException" } : "pass";
    });
    // Each writer adds 1 to the counter until it knows that it did.
    const writer = async (name: string): Promise<void> => {
      for (;;) {
        try {
          const { jobs } = await store.read({ nowMs: now, ids: ["job-1"] });
          const record = jobs[0]!.record;
          if (decodeHistory(record.history).some(({ transitionId }) => transitionId === name)) return;
          const item = sampleWrite(record, {
            edges: ["T2"],
            patch: { send: record.send + 1, status: "PENDING" },
            transitionId: name,
          });
          const { results } = await store.write({ nowMs: now, items: [item] });
          if (results[0]?.status === "ok") return;
        } catch (error) {
          expect(error).toMatchObject({ code: "store.unavailable" });
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => writer(`writer-${String(index)}`)));
    proxy.fate(() => "pass");
    const { record } = await probe.read("job-1");
    expect([record.send, record.version]).toEqual([8, 9]);
    const ids = decodeHistory(record.history).map(({ transitionId }) => transitionId);
    expect(new Set(ids).size).toBe(9);
  });
});
