import { describe, expect, it } from "vitest";
import type { AnyStore, CreateItem, CreateResult } from "../../src/core/ports/store.js";
import { sampleHistory, sampleJob } from "../../src/testing/sample-jobs.js";
import { dynamoDbBench, type DynamoDbBench } from "./dynamodb-bench.js";
import type { Fate } from "./dynamodb-proxy.js";
import { dynamoDb } from "./dynamodb-server.js";

const engine = dynamoDb();

const NOW = 1_750_000_000_123;
const HOUR = 3_600_000;
const SCOPE = "scope-1";

/** Its own create: id, entry and input name its author. The input has an item of its own, but for its tail. */
function create(author: string): CreateItem {
  const history = sampleHistory(["T1"], { nowMs: NOW, transitionId: author });
  const record = sampleJob(
    { id: author, scope: SCOPE, inputHash: "same", owner: "o", history, wakeAt: NOW },
    NOW,
  );
  return { record, input: inputOf(author) };
}

function inputOf(author: string): string {
  return JSON.stringify(`${author} `.repeat(300).slice(0, 1_010));
}

async function send(store: AnyStore, item: CreateItem): Promise<CreateResult> {
  const { results } = await store.create({ nowMs: NOW, items: [item] });
  return results[0]!;
}

function idOf(answer: CreateResult, author: string): string {
  return answer.status === "created" ? author : answer.job.record.id;
}

/** Under the key there is one job, whole, found by every way, and nothing but it. */
async function isOneJob({ store, items }: DynamoDbBench, id: string): Promise<void> {
  const { jobs } = await store.list({ nowMs: NOW, owner: "o", limit: 10, input: true });
  expect(jobs.map(({ record, input }) => [record.id, record.status, input])).toEqual([
    [id, "PENDING", inputOf(id)],
  ]);
  const due = await store.takeDue({ nowMs: NOW, limit: 10, holdMs: 1 });
  expect(due.jobs.map(({ record }) => record.id)).toEqual([id]);
  await store.purge({ nowMs: NOW + 2 * HOUR, limit: 10, parkedBefore: 0 });
  const left = (await items()).map((item) => [item["pk"]?.S, item["sk"]?.S?.replace(/#.*/, "#")]);
  const own = left.filter(([pk]) => pk === id || pk?.startsWith("scope#"));
  // An input of a first try may lie beside the one that the job names: it goes with the job.
  expect([...new Set(own.map(([, sk]) => sk))].sort()).toEqual(["input#", "job", "scope"]);
  // An author that died before the first item of its job left an input that nothing names.
  expect(left.filter((item) => !own.includes(item)).map(([, sk]) => sk)).toSatisfy((rest: string[]) =>
    rest.every((sk) => sk === "input#"),
  );
}

/** What a create under a free key sends: look, input, job, key, birth. */
const STEPS = [0, 1, 2, 3, 4];

const DEATHS = STEPS.flatMap((step) =>
  (["lose request", "lose response"] as const).map((fate) => [step, fate] as const),
);

describe("a create under a key", () => {
  it("sends five requests", async () => {
    const bench = await dynamoDbBench(await engine());
    expect(await send(bench.store, create("first"))).toEqual({ status: "created" });
    expect(bench.proxy.seen.map(({ operation }) => operation)).toEqual([
      "BatchGetItem",
      "PutItem",
      "PutItem",
      "PutItem",
      "UpdateItem",
    ]);
    await isOneJob(bench, "first");
  });

  it.each(DEATHS)(
    "whose author dies at request %i (%s) is ended or replaced by the next",
    async (step, how) => {
      const bench = await dynamoDbBench(await engine(), { retryForMs: 0 }, { maxAttempts: 1 });
      bench.proxy.fate(({ index }): Fate => (index < step ? "pass" : index === step ? how : "lose request"));
      await expect(send(bench.store, create("first"))).rejects.toMatchObject({ code: "store.unavailable" });
      bench.proxy.fate(() => "pass");
      const next = bench.more();
      const answer = await send(next, create("second"));
      const id = idOf(answer, "second");
      // From the item of the key on, the job is the author's.
      const isNamed = step > 3 || (step === 3 && how === "lose response");
      expect(id).toBe(isNamed ? "first" : "second");
      expect(idOf(await send(next, create("third")), "third")).toBe(id);
      expect(idOf(await send(next, create("first")), "first")).toBe(id);
      await isOneJob(bench, id);
    },
  );

  it.each(DEATHS)("may be sent again by its author, after request %i (%s)", async (step, how) => {
    const bench = await dynamoDbBench(await engine(), { retryForMs: 0 }, { maxAttempts: 1 });
    bench.proxy.fate(({ index }): Fate => (index < step ? "pass" : index === step ? how : "lose request"));
    await expect(send(bench.store, create("first"))).rejects.toMatchObject({ code: "store.unavailable" });
    bench.proxy.fate(() => "pass");
    expect(idOf(await send(bench.store, create("first")), "first")).toBe("first");
    await isOneJob(bench, "first");
  });

  it.each(STEPS)("that stops before request %i while another runs through agrees with it", async (step) => {
    const bench = await dynamoDbBench(await engine());
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let arrived = (): void => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    bench.proxy.fate(async ({ index }): Promise<Fate> => {
      if (index !== step) return "pass";
      arrived();
      await held;
      return "pass";
    });
    const slow = send(bench.store, create("slow"));
    await arrival;
    const fast = await send(bench.more(), create("fast"));
    release();
    const answers = [idOf(fast, "fast"), idOf(await slow, "slow")];
    expect(new Set(answers).size).toBe(1);
    expect([fast.status, (await slow).status].filter((status) => status === "created")).toHaveLength(1);
    await isOneJob(bench, answers[0]!);
  });

  it("takes a key over from a job that is gone, whoever removed it", async () => {
    const bench = await dynamoDbBench(await engine());
    await send(bench.store, create("first"));
    // As DynamoDB's own removal may leave it: the job without its key and its input.
    await bench.remove("first", "job");
    expect(await send(bench.store, create("second"))).toEqual({ status: "created" });
    expect(idOf(await send(bench.store, create("third")), "third")).toBe("second");
  });

  it("shows nothing of a job before its key is its own", async () => {
    const bench = await dynamoDbBench(await engine(), { retryForMs: 0 }, { maxAttempts: 1 });
    bench.proxy.fate(({ index }): Fate => (index < 3 ? "pass" : "lose request"));
    await expect(send(bench.store, create("first"))).rejects.toMatchObject({ code: "store.unavailable" });
    bench.proxy.fate(() => "pass");
    const { probe, store } = bench;
    expect(await probe.find("first")).toBeNull();
    expect((await probe.list({ owner: "o" })).jobs).toEqual([]);
    expect(await probe.takeDue()).toEqual([]);
    expect(await probe.claim({ id: "first" })).toEqual({ status: "gone" });
    expect(await probe.beat({ id: "first", token: "t", leaseMs: 1 })).toEqual({ status: "gone" });
    expect(await probe.advance({ id: "first" })).toEqual({ status: "gone" });
    expect(await store.purge({ nowMs: NOW + HOUR - 1, limit: 10, parkedBefore: 0 })).toMatchObject({
      jobs: 0,
    });
    expect(await bench.items()).toHaveLength(2);
    expect(await store.purge({ nowMs: NOW + HOUR, limit: 10, parkedBefore: 0 })).toMatchObject({ jobs: 0 });
    expect(await bench.items()).toEqual([]);
  });
});
