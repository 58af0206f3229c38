import type { DynamoDBClient, QueryCommandOutput } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { dynamodbStore, dynamodbIamPolicy } from "../../src/dynamodb.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { accepted, claimed, refused, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { dynamoDbBench, type DynamoDbBench } from "./dynamodb-bench.js";
import { dynamoDb } from "./dynamodb-server.js";
import { START } from "../../src/core/job/record.js";

const engine = dynamoDb();

const DAY = 86_400_000;
/** As an input it goes over 3 KB by a little: its tail is in the item of the job. */
const LONG = JSON.stringify("long ".repeat(616));

/** A job that has run to its end, with all that belongs to it in items of its own. */
async function settled(
  { probe }: DynamoDbBench,
  id: string,
  scope: string | null = "scope-1",
): Promise<void> {
  const now = await probe.now();
  await probe.create({ record: sampleJob({ id, scope, owner: "o", notifiers: ["ui"] }, now), input: LONG });
  const { record } = claimed(await probe.claim({ id }));
  const patch = { ...SAMPLE_END, purgeAt: now + 60_000 };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: LONG })));
}

describe("attributes that are not the store's", () => {
  it("survive every change", async () => {
    const bench = await dynamoDbBench(await engine());
    const { probe } = bench;
    const now = await probe.now();
    await probe.create({
      record: sampleJob({ id: "job-1", scope: "s", notifiers: ["ui"], wakeAt: now }, now),
      input: LONG,
    });
    const mine = { L: [{ M: { note: { S: "mine" } } }, { NS: ["1", "2"] }] };
    await bench.poke("job-1", "job", "mine", mine);
    const isKept = async (): Promise<void> => {
      const item = (await bench.items()).find((one) => one["sk"]?.S === "job");
      expect(item?.["mine"]).toEqual(mine);
    };
    expect(await probe.takeDue()).toHaveLength(1);
    const { record } = claimed(await probe.claim({ id: "job-1" }));
    await isKept();
    accepted(await probe.beat({ id: "job-1", token: "token-1", leaseMs: 1_000 }));
    accepted(
      await probe.write(sampleWrite(record, { replace: record.history, patch: { phase: "p" }, leaseMs: 9 })),
    );
    const ui = { ...START, upTo: 1, exhausted: [1] };
    accepted(await probe.advance({ id: "job-1", wakeAt: now, cursors: { ui } }));
    await isKept();
    const phase = { ...record, version: record.version + 1 };
    accepted(await probe.write(sampleWrite(phase, { edges: ["T5"], patch: SAMPLE_END, output: LONG })));
    await isKept();
  });
});

describe("what does not fit into an item", () => {
  it("is refused before anything is written, with the whole call", async () => {
    const { store, probe, proxy, items } = await dynamoDbBench(await engine());
    const now = await probe.now();
    const big = "x".repeat(410_000);
    const tooLarge = { code: "input.too_large", outcome: "not_applied" };
    const fine = { record: sampleJob({ id: "fine" }, now), input: "{}" };
    for (const item of [
      { record: sampleJob({ id: "job-1" }, now), input: JSON.stringify("é".repeat(204_000)) },
      { record: sampleJob({ id: "job-1", metadata: big }, now), input: "{}" },
      { record: sampleJob({ id: "job-1", owner: "é".repeat(1_025) }, now), input: "{}" },
      { record: sampleJob({ id: "job-1", subject: "x".repeat(2_049) }, now), input: "{}" },
    ]) {
      await expect(store.create({ ...probe.at, items: [fine, item] })).rejects.toMatchObject(tooLarge);
    }
    expect(proxy.seen.filter(({ operation }) => operation !== "BatchGetItem")).toEqual([]);
    const { record } = await probe.processing({ id: "job-2" });
    const before = await items();
    for (const write of [
      sampleWrite(record, { patch: { checkpoint: big } }),
      sampleWrite(record, { edges: ["T5"], output: JSON.stringify("x".repeat(410_000)) }),
    ]) {
      await expect(probe.write(write)).rejects.toMatchObject(tooLarge);
    }
    expect(await items()).toEqual(before);
  });

  it("is refused with nothing written where only the engine can tell", async () => {
    const { probe } = await dynamoDbBench(await engine());
    const { record } = await probe.processing({ id: "job-1" });
    const half = "x".repeat(250_000);
    accepted(await probe.write(sampleWrite(record, { patch: { checkpoint: half } })));
    const next = (await probe.read("job-1")).record;
    await expect(probe.write(sampleWrite(next, { patch: { progress: half } }))).rejects.toMatchObject({
      code: "input.too_large",
      outcome: "not_applied",
    });
    expect((await probe.read("job-1")).record).toEqual(next);
  });

  it("fits up to what the store declares", async () => {
    const { probe, store } = await dynamoDbBench(await engine());
    const text = JSON.stringify("x".repeat(store.capabilities.maxPayloadBytes - 2));
    await probe.given(sampleQueuedJob({ id: "x".repeat(128) }, await probe.now()), text);
    const { input } = claimed(await probe.claim({ id: "x".repeat(128) }));
    expect(input === text).toBe(true);
  });
});

describe("clocks that are apart", () => {
  const SKEW = 5_000;

  it("take no job from a worker that is alive, as long as they are no further apart than declared", async () => {
    const bench = await dynamoDbBench(await engine(), { clockSkewMs: SKEW });
    const { probe, store } = bench;
    const now = await probe.now();
    await probe.given(sampleQueuedJob({ id: "job-1" }, now));
    const { record } = claimed(await probe.claim({ id: "job-1", leaseMs: 30_000 }));
    // The worker may count on its lease until now + 30 s; this sweeper's clock is ahead of it.
    const sweepAt = (ahead: number, expiredLease = record.leaseUntil ?? 0) =>
      store.write({
        nowMs: now + 30_000 - 1 + ahead,
        items: [sampleWrite(record, { edges: ["T7"], guard: { expiredLease }, patch: SAMPLE_END })],
      });
    for (const ahead of [0, SKEW]) refused((await sweepAt(ahead)).results[0]!);
    const due = await store.takeDue({ nowMs: now + 30_000 - 1 + SKEW, limit: 1, holdMs: 1 });
    expect(due.jobs).toEqual([]);
    const beat = await probe.beat({ id: "job-1", token: "token-1", leaseMs: 30_000 });
    expect(beat.status === "ok" && beat.leaseUntil).toBe(now + 30_000 + SKEW);
    accepted((await sweepAt(SKEW + 1)).results[0]!);
  });

  it.each([-3_600_000, 3_600_000])("end in one outcome when they are %i ms apart", async (apart) => {
    const { probe, store } = await dynamoDbBench(await engine(), { clockSkewMs: SKEW });
    const now = await probe.now();
    const stale = (await probe.processing({ id: "job-1" }, { token: "first", leaseMs: 1_000 })).record;
    const other = new StoreProbe({ store, close: async () => undefined, nowMs: () => now + apart });
    const sweep = sampleWrite(stale, {
      edges: ["T7"],
      guard: { expiredLease: stale.leaseUntil ?? 0 },
      patch: { ...SAMPLE_END, sendAt: now - 3_600_000, dispatch: 2 },
    });
    const swept = await other.write(sweep);
    // Behind, it waits too long; ahead, it takes the job from a worker that is alive, whose outcome is then refused.
    expect(swept.status).toBe(apart > 0 ? "ok" : "refused");
    const late = sampleWrite(stale, { edges: ["T5"], patch: SAMPLE_END, output: '"first"' });
    if (swept.status === "ok") {
      const { record } = claimed(
        await other.claim({ id: "job-1", dispatch: 2, token: "second" }, sampleTerms()),
      );
      refused(await probe.write(late));
      accepted(
        await other.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"second"' })),
      );
    } else accepted(await probe.write(late));
    refused(await probe.write(late));
    const { output } = await probe.read("job-1", { output: true });
    expect(output).toBe(apart > 0 ? '"second"' : '"first"');
  });
});

describe("a job that cannot be read", () => {
  it("does not keep those that are due with it, and is told", async () => {
    const { probe, poke } = await dynamoDbBench(await engine());
    const now = await probe.now();
    for (const id of ["good", "spoilt"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
    await poke("spoilt", "job", "version", { S: "one" });
    expect((await probe.takeDue({ holdMs: 50 })).map(({ record }) => record.id)).toEqual(["good"]);
    accepted(await probe.advance({ id: "good", wakeAt: null }));
    await probe.after(100);
    const alone = await probe.store.takeDue({ nowMs: await probe.now(), limit: 10, holdMs: 60_000 });
    expect(alone).toMatchObject({ jobs: [], unreadable: ["spoilt"] });
    expect(await probe.takeDue()).toEqual([]);
  });
});

describe("indexes that lag behind", () => {
  /** A client to which the indexes stand still from now on: it hears again what they said before. */
  function lagging(client: DynamoDBClient): DynamoDBClient {
    const said = new Map<string, QueryCommandOutput>();
    client.middlewareStack.add(
      (next) => async (args) => {
        const input = args.input as { IndexName?: string };
        if (input.IndexName === undefined) return next(args);
        const key =
          JSON.stringify({ ...input, ExpressionAttributeValues: null, Limit: null }) +
          JSON.stringify(
            Object.values((input as { ExpressionAttributeValues: object }).ExpressionAttributeValues)[0],
          );
        const before = said.get(key);
        if (before !== undefined) return { output: before, response: {} };
        const answer = await next(args);
        said.set(key, answer.output as QueryCommandOutput);
        return answer;
      },
      { step: "initialize", name: "lag" },
    );
    return client;
  }

  it("give a due job to nobody twice, and no job that is gone or no longer due", async () => {
    const { probe, table } = await dynamoDbBench(await engine());
    const client = lagging((await engine()).client());
    const slow = probe.through(dynamodbStore({ client, table, clockSkewMs: 0 }));
    const now = await probe.now();
    for (const id of ["taken", "moved", "gone", "due"])
      await probe.given(sampleJob({ id, wakeAt: now - 5 }, now));
    // The first look is where the index stands still.
    expect((await slow.takeDue({ holdMs: 1 })).map(({ record }) => record.id).sort()).toEqual([
      "due",
      "gone",
      "moved",
      "taken",
    ]);
    await probe.after(10);
    expect(await probe.takeDue()).toHaveLength(4);
    // In the table all are postponed now: what the old index says of them is refused one by one.
    expect(await slow.takeDue()).toEqual([]);
  });

  it("list jobs as they are, and none that is not there", async () => {
    const { probe, table, remove } = await dynamoDbBench(await engine());
    const client = lagging((await engine()).client());
    const slow = probe.through(dynamodbStore({ client, table, clockSkewMs: 0 }));
    const now = await probe.now();
    for (const id of ["changed", "gone", "anew"]) await probe.given(sampleJob({ id, owner: "o" }, now));
    expect((await slow.list({ owner: "o" })).jobs).toHaveLength(3);
    const { record } = await probe.read("changed");
    accepted(await probe.write(sampleWrite(record, { edges: ["T2"] })));
    await remove("gone", "job");
    await remove("anew", "job");
    await probe.given(sampleJob({ id: "anew", owner: "o", createdAt: now + 5 }, now));
    const { jobs } = await slow.list({ owner: "o" });
    expect(jobs.map((job) => [job.record.id, job.record.status])).toEqual([["changed", "QUEUED"]]);
    expect((await slow.list({ owner: "o", statuses: ["PENDING"] })).jobs).toEqual([]);
  });
});

describe("what a job leaves behind", () => {
  it("is nothing, once it is purged: outputs of refused and of unknown writes too", async () => {
    const { probe, proxy, items, store } = await dynamoDbBench(
      await engine(),
      { retryForMs: 0 },
      { maxAttempts: 1 },
    );
    const { record } = await probe.processing({ id: "job-1", scope: "s" });
    const end = sampleWrite(record, {
      edges: ["T5"],
      patch: { ...SAMPLE_END, purgeAt: record.updatedAt },
      output: LONG,
    });
    refused(await probe.write({ ...end, guard: { ...end.guard, version: 99 } }));
    expect((await items()).filter((item) => item["sk"]?.S?.startsWith("output#"))).toEqual([]);
    proxy.fate(({ operation }) => (operation === "UpdateItem" ? "lose request" : "pass"));
    await expect(probe.write(end)).rejects.toMatchObject({ outcome: "unknown" });
    proxy.fate(() => "pass");
    accepted(await probe.write(end));
    expect((await items()).filter((item) => item["sk"]?.S?.startsWith("output#"))).toHaveLength(2);
    expect((await probe.read("job-1", { output: true })).output).toBe(LONG);
    expect((await store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs).toBe(1);
    expect(await items()).toEqual([]);
  });

  it("expires only when the job has settled, and then with all that belongs to it", async () => {
    const bench = await dynamoDbBench(await engine(), { timeToLive: true });
    const { probe, items, store } = bench;
    const now = await probe.now();
    const expiring = async () =>
      (await items())
        .filter((item) => item["ttl"] !== undefined)
        .map((item) => [item["sk"]?.S?.replace(/#.*/, "#"), item["ttl"]?.N]);
    await probe.given(sampleJob({ id: "job-1", scope: "scope-1" }, now), LONG);
    const { record } = claimed(await probe.claim({ id: "job-1" }));
    expect(await expiring()).toEqual([]);
    const patch = { ...SAMPLE_END, purgeAt: now + 60_000 };
    accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: LONG })));
    const at = String(Math.ceil((now + 60_000) / 1_000));
    expect((await expiring()).sort()).toEqual([
      ["input#", at],
      ["job", at],
      ["output#", at],
      ["scope", at],
    ]);
    // DynamoDB gets the first turn; what it leaves is removed three days later.
    expect(await store.purge({ nowMs: now + 3 * DAY, limit: 10, parkedBefore: 0 })).toMatchObject({
      jobs: 0,
    });
    expect(await store.purge({ nowMs: now + 60_000 + 3 * DAY, limit: 10, parkedBefore: 0 })).toMatchObject({
      jobs: 1,
    });
    expect(await items()).toEqual([]);
  });

  it("does not expire by itself unless it is asked for", async () => {
    const bench = await dynamoDbBench(await engine());
    await settled(bench, "job-1");
    expect((await bench.items()).filter((item) => "ttl" in item)).toEqual([]);
  });
});

describe("the store's permissions", () => {
  it("are those that it uses, and no more", async () => {
    const bench = await dynamoDbBench(await engine());
    const { probe, store, proxy } = bench;
    await store.ready();
    await settled(bench, "job-1");
    await probe.awaiting({ id: "job-2" });
    await store.byRef({ ...probe.at, kind: "sample.work", refKey: "ref-1" });
    accepted(await probe.advance({ id: "job-2", wakeAt: 1 }));
    await probe.takeDue();
    await probe.list();
    await store.park({ ...probe.at, messages: [{ id: "p-1", queue: "q", body: "b", reason: "r", at: 1 }] });
    await store.parked({ ...probe.at, limit: 1 });
    await store.unpark({ ...probe.at, ids: ["p-1"] });
    await store.pulse({ ...probe.at, unserved: 0 });
    await probe.health();
    await store.purge({ nowMs: probe.at.nowMs + DAY, limit: 10, parkedBefore: 5 });
    const { Statement } = dynamodbIamPolicy({
      tableArn: "arn:aws:dynamodb:eu-west-1:123456789012:table/jobs",
    });
    const [table, indexes] = Statement;
    const used = [...new Set(proxy.seen.map(({ operation }) => `dynamodb:${operation}`))].sort();
    expect(used).toEqual([...(table?.Action ?? [])].sort());
    const onIndexes = proxy.seen.filter(({ body }) => body.includes('"IndexName"'));
    expect([...new Set(onIndexes.map(({ operation }) => `dynamodb:${operation}`))]).toEqual(indexes?.Action);
    for (const { body } of onIndexes) expect(body).toMatch(/"IndexName":"waybill-/);
    // Names may be reserved words, and values may be anybody's: neither is ever a part of an expression.
    const expressions = proxy.seen.flatMap(({ body }) =>
      Object.entries(JSON.parse(body) as Record<string, unknown>).flatMap(([name, value]) =>
        name.endsWith("Expression") ? String(value) : [],
      ),
    );
    expect(expressions.length).toBeGreaterThan(30);
    const words = /[#:]\d+|\b(SET|REMOVE|AND|OR|BETWEEN|attribute_not_exists|list_append)\b/g;
    for (const text of expressions) expect(text.replace(words, "")).toMatch(/^[ ,=<>()]*$/);
  });

  it("are missed with a clear error", async () => {
    const { probe, proxy, store } = await dynamoDbBench(await engine());
    proxy.fate(() => ({ error: "AccessDeniedException" }));
    await expect(store.read({ ...probe.at, ids: ["job-1"] })).rejects.toThrow(/lack a permission/);
  });
});

describe("the table", () => {
  it("is refused where it is missing, or not as the store needs it", async () => {
    const { proxy } = await dynamoDbBench(await engine());
    const client = (await engine()).client({ endpoint: proxy.endpoint });
    const store = dynamodbStore({ client, table: "no-such-table" });
    await expect(store.ready()).rejects.toMatchObject({ code: "store.not_migrated" });
    await expect(store.read({ nowMs: 1, ids: ["job-1"] })).rejects.toMatchObject({
      code: "store.not_migrated",
    });
  });

  it("hands no jobs over: the store says so, and what to do", async () => {
    const { probe } = await dynamoDbBench(await engine());
    await expect(probe.claimNext()).rejects.toMatchObject({ code: "config.capability_missing" });
    await expect(probe.claimNext()).rejects.toThrow(/SQS/);
  });
});
