// A suite is worth what it catches: each clause of the memory store is taken out in turn, and the suite must notice. Of the
// stores on Redis and DynamoDB a few are taken out here; `scripts/proof-guard-deletion.ts` takes out all.
import { afterEach, describe, expect, it, vi } from "vitest";
import { dynamodbTests } from "../guard-deletion/dynamodb-behaviours.js";
import { dynamodbEngine } from "../guard-deletion/dynamodb-engine.js";
import { baselineOf, type Engine, judge } from "../guard-deletion/engine.js";
import { givenMutations } from "../guard-deletion/memory-conditions.js";
import { firstFailure, memoryStoreWith } from "../guard-deletion/memory-engine.js";
import { redisTests } from "../guard-deletion/redis-behaviours.js";
import { redisEngine } from "../guard-deletion/redis-engine.js";
import { redisMissing } from "../integration/redis-server.js";

describe("the store suite", () => {
  it("passes the memory store as it is", async () => {
    expect(await firstFailure(await memoryStoreWith(null))).toBeNull();
  });

  it.each(givenMutations())("notices $key", async (mutation) => {
    expect(await firstFailure(await memoryStoreWith(mutation))).not.toBeNull();
  });
});

const TIMEOUT_MS = 120_000;

/** Takes guards out of what an engine sends, and expects each to be missed by a test of some groups. */
async function expectMissed(engine: Engine, groups: RegExp, keys: readonly string[]): Promise<void> {
  vi.spyOn(console, "info").mockImplementation(() => undefined);
  try {
    const some = { ...engine, tests: engine.tests.filter(({ title }) => groups.test(title)) };
    const baseline = await baselineOf(some);
    for (const key of keys) {
      const guard = baseline.guards.find((each) => each.key === key);
      expect(guard, `${key} is a guard`).toBeDefined();
      const { caughtBy, unreadable } = await judge(some, baseline, guard!);
      expect(caughtBy, key).not.toBeNull();
      expect(unreadable).toEqual([]);
    }
  } finally {
    await engine.close();
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.skipIf(redisMissing() !== null)("a guard of a Redis script that is taken out", () => {
  it("is missed", { timeout: TIMEOUT_MS }, async () => {
    const groups = /^(write guard|claim by message|operations|on Redis, damage) > (?!.*lease)/;
    await expectMissed(await redisEngine(redisTests), groups, [
      "running: byte(doc,STATUS)==82 and ⟦token==held⟧",
      "CLAIM_BY_MESSAGE: if ⟦can⟧ always",
      "PARK: if C(⟦'HSETNX'⟧,T..':m',ARGV[i],ARGV[i+1])",
      "PARKED: C('ZRANGEBYLEX',T..':l','('..ARGV[A+2],'+','LIMIT',0,⟦ARGV[A+1]⟧)",
      "TAKE_DUE: if ⟦parse(out[i+2])⟧ always",
      // Without it the script goes on for ever, and is stopped.
      "TAKE_DUE: if ⟦#list==0⟧ never",
    ]);
  });
});

describe("a guard of a DynamoDB request that is taken out", () => {
  it("is missed", { timeout: TIMEOUT_MS }, async () => {
    const groups = /^(write guard|beat|take due|on DynamoDB, races) > /;
    await expectMissed(dynamodbEngine(dynamodbTests), groups, [
      "change: when ⟦version = ?⟧",
      "change: when ⟦token = ?⟧",
      "beatJob: when ⟦status = ?⟧",
      "postpone: when ⟦wakeKey = ?⟧",
      "#fetch waybill-wake: key ⟦wakeKey < ?⟧",
      "batch: ⟦ConsistentRead⟧",
    ]);
  });
});
