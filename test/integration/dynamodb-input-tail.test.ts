import { describe, expect, it } from "vitest";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { accepted, claimed, present } from "../../src/testing/store-suite/store-probe.js";
import { dynamoDbBench, type DynamoDbBench } from "./dynamodb-bench.js";
import { dynamoDb } from "./dynamodb-server.js";

const engine = dynamoDb();

const HOUR_MS = 3_600_000;
const ID = "job-1";
/** Bytes of the key and the names in the item of an input of `job-1`. */
const BESIDE = 28;

/** Goes over 1 KB by 20 bytes with its key and names. */
const input = (letter: string): string => JSON.stringify(letter.repeat(1_024 - BESIDE + 20 - 2));

type Stored = Readonly<Record<string, AttributeValue>>;

async function itemOf({ items }: DynamoDbBench, sort: string): Promise<Stored> {
  return present((await items()).find((item) => item["sk"]?.S?.startsWith(sort)));
}

describe("an input that goes over a whole KB by a little", () => {
  it("is in two items, each a readable part", async () => {
    const bench = await dynamoDbBench(await engine());
    await bench.probe.given(sampleJob({ id: ID }, await bench.probe.now()), input("a"));
    const [job, own] = [await itemOf(bench, "job"), await itemOf(bench, "input#")];
    expect([job["inputTail"]?.S, own["input"]?.S]).toEqual([`${"a".repeat(19)}"`, `"${"a".repeat(995)}`]);
  });

  it("is read by nobody who does not ask for it", async () => {
    const { probe, proxy } = await dynamoDbBench(await engine());
    await probe.given(sampleQueuedJob({ id: ID }, await probe.now()), input("a"));
    const requests = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
      const from = proxy.seen.length;
      await call();
      return proxy.seen
        .slice(from)
        .map(({ operation, body }) => operation + (body.includes("input#") ? " input" : ""));
    };
    expect(await requests(() => probe.read(ID))).toEqual(["BatchGetItem"]);
    expect(await requests(() => probe.read(ID, { input: true }))).toEqual([
      "BatchGetItem",
      "BatchGetItem input",
    ]);
    const claim = await requests(async () => claimed(await probe.claim({ id: ID })));
    expect([...claim].sort()).toEqual(["BatchGetItem", "BatchGetItem input", "UpdateItem"]);
    expect((await probe.read(ID)).input).toBeUndefined();
  });

  it("is the same for every attempt, and for a rerun when the job has ended", async () => {
    const { probe } = await dynamoDbBench(await engine());
    const now = await probe.now();
    await probe.given(sampleQueuedJob({ id: ID }, now), input("a"));
    const first = claimed(await probe.claim({ id: ID }));
    const again = { ...SAMPLE_END, sendAt: now, dispatch: 2, worker: null };
    accepted(await probe.write(sampleWrite(first.record, { edges: ["T7"], patch: again })));
    const second = claimed(await probe.claim({ id: ID, dispatch: 2 }));
    accepted(await probe.write(sampleWrite(second.record, { edges: ["T6"], patch: SAMPLE_END })));
    // What a rerun makes its job of.
    const ended = await probe.read(ID, { input: true });
    expect([first.input, second.input, ended.input]).toEqual([input("a"), input("a"), input("a")]);
  });

  it.each([null, "scope-1"])(
    "is of the create that made the job, whoever creates it again (key: %s)",
    async (scope) => {
      const bench = await dynamoDbBench(await engine());
      const { probe } = bench;
      const now = await probe.now();
      await probe.given(sampleJob({ id: ID, scope }, now), input("a"));
      const [again] = await probe.create({ record: sampleJob({ id: ID, scope }, now), input: input("b") });
      expect(again?.status).toBe("existing");
      expect((await probe.read(ID, { input: true })).input).toBe(input("a"));
      // What the second create brought is cleared up.
      expect((await bench.items()).filter((item) => item["sk"]?.S?.startsWith("input#"))).toHaveLength(1);
    },
  );

  it("goes with the job", async () => {
    const bench = await dynamoDbBench(await engine());
    const { probe, store } = bench;
    await probe.given(
      sampleJob({ id: ID, status: "COMPLETED", purgeAt: probe.at.nowMs }, probe.at.nowMs),
      input("a"),
    );
    const purged = await store.purge({ nowMs: probe.at.nowMs + HOUR_MS, limit: 10, parkedBefore: 0 });
    expect([purged.jobs, await bench.items()]).toEqual([1, []]);
  });

  it("is missed when its own item is gone: the tail alone is no input", async () => {
    const bench = await dynamoDbBench(await engine());
    const { probe } = bench;
    await probe.given(sampleJob({ id: ID }, await probe.now()), input("a"));
    await bench.remove(ID, (await itemOf(bench, "input#"))["sk"]?.S ?? "");
    await expect(probe.read(ID, { input: true })).rejects.toMatchObject({ code: "store.corrupt", jobId: ID });
  });
});
