import { describe, expect, it } from "vitest";
import { explained, isWorthRepeating, verdictOn } from "../../src/adapters/dynamodb/client/errors.js";
import { Expression, Update } from "../../src/adapters/dynamodb/client/expression.js";
import { forEach } from "../../src/adapters/dynamodb/client/batch.js";
import { decodeHot } from "../../src/adapters/dynamodb/items/codec.js";
import { atOfPlace, behind, endOf, idOfPlace, place, shardOf } from "../../src/adapters/dynamodb/names.js";
import { itemBytes } from "../../src/adapters/dynamodb/items/size.js";
import { StoreUnavailableError } from "../../src/index.js";

const service = (name: string, status: number): Error =>
  Object.assign(new Error("secret"), { name, $metadata: { httpStatusCode: status } });

describe("an error of the client", () => {
  it.each([
    ["ConditionalCheckFailedException", 400, "condition", false],
    ["ProvisionedThroughputExceededException", 400, "busy", true],
    ["ThrottlingException", 400, "busy", true],
    ["RequestLimitExceeded", 400, "busy", true],
    ["TransactionConflictException", 400, "busy", true],
    ["ValidationException", 400, "refused", false],
    ["AccessDeniedException", 400, "refused", false],
    ["InternalServerError", 500, "doubt", true],
    ["ServiceUnavailable", 503, "doubt", true],
    ["SomethingNew", 502, "doubt", false],
  ] as const)("%s (%i) is %s", (name, status, verdict, repeated) => {
    expect([verdictOn(service(name, status)), isWorthRepeating(service(name, status))]).toEqual([
      verdict,
      repeated,
    ]);
  });

  it("is in doubt without an answer, unless there was no connection", () => {
    expect(verdictOn(Object.assign(new Error(), { code: "ECONNREFUSED" }))).toBe("refused");
    for (const error of [
      new Error("socket hang up"),
      Object.assign(new Error(), { code: "ECONNRESET" }),
      "text",
      null,
    ]) {
      expect(verdictOn(error)).toBe("doubt");
    }
  });

  it("tells neither its own words nor more than is known", () => {
    const outcome = (effect: "reads" | "writes", doubt: boolean) =>
      explained(service("ThrottlingException", 400), effect, {
        doubt,
        isUnsent: false,
      }) as StoreUnavailableError;
    expect(outcome("writes", false).outcome).toBe("not_applied");
    expect(outcome("writes", true).outcome).toBe("unknown");
    expect(outcome("reads", true).outcome).toBe("not_applied");
    expect(outcome("writes", true).message).not.toContain("secret");
  });
});

describe("an expression", () => {
  it("has a placeholder for each name and value", () => {
    const update = new Update()
      .set("status", { S: "#0 = :0" })
      .set("token", null)
      .append("history", [{ S: "[1]" }])
      .when("status", { S: "QUEUED" })
      .when("awaiting", null);
    expect(update.request()).toEqual({
      UpdateExpression: "SET #0 = :0, #2 = list_append(#2, :1) REMOVE #1",
      ConditionExpression: "#0 = :2 AND attribute_not_exists(#3)",
      ExpressionAttributeNames: { "#0": "status", "#1": "token", "#2": "history", "#3": "awaiting" },
      ExpressionAttributeValues: {
        ":0": { S: "#0 = :0" },
        ":1": { L: [{ S: "[1]" }] },
        ":2": { S: "QUEUED" },
      },
    });
    expect(new Expression().parts()).toEqual({});
  });
});

describe("a place in an index", () => {
  it("sorts by instant, then by id, and bounds lie between", () => {
    const places = [
      place(9, "z"),
      place(10, "-"),
      place(10, "-a"),
      place(10, "A"),
      place(10, "_"),
      place(10, "a"),
      place(1e15, "0"),
    ];
    expect([...places].sort()).toEqual(places);
    const bounds = [
      place(10, "A"),
      behind(10, "A"),
      place(10, "A-"),
      place(10, "A0"),
      endOf(10),
      place(11, "-"),
    ];
    expect([...bounds].sort()).toEqual(bounds);
    expect([atOfPlace(place(1_750_000_000_123, "job.1")), idOfPlace(place(5, "job-1"))]).toEqual([
      1_750_000_000_123,
      "job-1",
    ]);
  });

  it("spreads ids over all shards, each always the same", () => {
    const ids = Array.from({ length: 800 }, () => crypto.randomUUID());
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(shardOf(id), (counts.get(shardOf(id)) ?? 0) + 1);
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(count).toBeGreaterThan(40);
    expect([shardOf("job-1"), shardOf("job-2"), shardOf("__proto__")]).toEqual(["1", "2", "0"]);
  });
});

describe("the size of an item", () => {
  it("counts names and values in bytes", () => {
    expect(itemBytes({ pk: { S: "é" }, at: { N: "1750000000123" }, gone: null })).toBe(2 + 2 + 2 + 8);
    expect(itemBytes({ history: { L: [{ S: "ab" }, { S: "c" }] } })).toBe(7 + 3 + 3 + 2);
  });
});

describe("a call for several items", () => {
  const fails = (outcome: "not_applied" | "unknown") => async (): Promise<string> => {
    throw new StoreUnavailableError("No.", { outcome });
  };
  const run = (effect: "reads" | "writes", ...work: (() => Promise<string>)[]) =>
    forEach(work, effect, (one) => one());

  it("says not_applied only where nothing can have been written", async () => {
    await expect(run("writes", fails("not_applied"), fails("not_applied"))).rejects.toMatchObject({
      outcome: "not_applied",
    });
    await expect(run("writes", fails("not_applied"), async () => "ok")).rejects.toMatchObject({
      outcome: "unknown",
    });
    await expect(run("writes", fails("not_applied"), fails("unknown"))).rejects.toMatchObject({
      outcome: "unknown",
    });
    await expect(run("reads", fails("not_applied"), async () => "ok")).rejects.toMatchObject({
      outcome: "not_applied",
    });
    expect(
      await run(
        "writes",
        async () => "a",
        async () => "b",
      ),
    ).toEqual(["a", "b"]);
  });
});

describe("an item that the store never writes", () => {
  it.each([
    [{ status: { S: "DONE" } }, /a status that does not exist/],
    [{ status: { S: "PENDING" } }, /no kind/],
    [{ status: { S: "PENDING" }, kind: { N: "1" } }, /an unreadable kind/],
    [{ status: { S: "PENDING" }, kind: { S: "k" }, metadata: { S: "{" } }, /an unreadable metadata/],
    [{ status: { S: "PENDING" }, kind: { S: "k" }, maxAttempts: { S: "3" } }, /an unreadable maxAttempts/],
  ])("is named by the id of its job alone", (item, message) => {
    expect(() => decodeHot({ pk: { S: "job-1" }, ...item })).toThrow(message);
    expect(() => decodeHot({ pk: { S: "job-1" }, ...item })).toThrow(/Job job-1/);
  });
});
