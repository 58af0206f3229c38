import { describe, expect, it } from "vitest";
import { conditionsIn, withSwitches } from "./conditions.js";
import { splitExpression } from "./dynamodb/expressions.js";
import { guardsOfRequest, type Request } from "./dynamodb/requests.js";

/** Each guard of a request with what its absence changes. */
function without(request: Request): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object.fromEntries(
    guardsOfRequest("site", request).map(({ key, without: left }) => [
      key,
      Object.fromEntries(
        Object.entries(left).filter(
          ([field, value]) => JSON.stringify(value) !== JSON.stringify(request[field as keyof Request]),
        ),
      ),
    ]),
  );
}

describe("an expression", () => {
  it("is split at a word outside of brackets; the AND of a BETWEEN joins nothing", () => {
    const text = "#0 = :0 AND #1 BETWEEN :1 AND :2 AND (#2 = :3 AND #3 = :4)";
    expect(splitExpression(text, "AND")).toEqual([
      "#0 = :0",
      "#1 BETWEEN :1 AND :2",
      "(#2 = :3 AND #3 = :4)",
    ]);
  });
});

describe("the guards of a request", () => {
  it("are the clauses of its condition, with the names and values that only they need", () => {
    const names = { "#0": "status", "#1": "version" };
    const values = { ":0": { S: "QUEUED" }, ":1": { N: "1" } };
    const found = without({
      UpdateExpression: "SET #0 = :0",
      ConditionExpression: "#0 = :0 AND (attribute_not_exists(#1) OR #1 < :1)",
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    });
    expect(found).toEqual({
      "site: when ⟦status = ?⟧": { ConditionExpression: "(attribute_not_exists(#1) OR #1 < :1)" },
      "site: when ⟦(attribute_not_exists(version) OR version < ?)⟧": {
        ConditionExpression: "#0 = :0",
        ExpressionAttributeNames: { "#0": "status" },
        ExpressionAttributeValues: { ":0": { S: "QUEUED" } },
      },
      "site: when (⟦attribute_not_exists(version)⟧ OR version < ?)": {
        ConditionExpression: "#0 = :0 AND (#1 < :1)",
      },
      "site: when (attribute_not_exists(version) OR ⟦version < ?⟧)": {
        ConditionExpression: "#0 = :0 AND (attribute_not_exists(#1))",
        ExpressionAttributeValues: { ":0": { S: "QUEUED" } },
      },
      "site: set ⟦status = ?⟧": { UpdateExpression: undefined },
    });
  });

  it("are the bounds of a key, not its partition", () => {
    const names = { "#0": "pk", "#1": "sk" };
    const values = { ":0": { S: "p" }, ":1": { S: "a" }, ":2": { S: "b" } };
    const expressions = { ExpressionAttributeNames: names, ExpressionAttributeValues: values };
    const between = without({ KeyConditionExpression: "#0 = :0 AND #1 BETWEEN :1 AND :2", ...expressions });
    expect(between).toEqual({
      "site: key sk between ⟦?⟧ and ?": {
        KeyConditionExpression: "#0 = :0 AND #1 <= :2",
        ExpressionAttributeValues: { ":0": { S: "p" }, ":2": { S: "b" } },
      },
      "site: key sk between ? and ⟦?⟧": {
        KeyConditionExpression: "#0 = :0 AND #1 >= :1",
        ExpressionAttributeValues: { ":0": { S: "p" }, ":1": { S: "a" } },
      },
    });
    expect(without({ KeyConditionExpression: "#0 = :0", ...expressions })).toEqual({});
  });

  it("are what is set and removed, limits, directions and options", () => {
    expect(
      without({
        UpdateExpression: "SET #0 = list_append(#0, :0), #1 = :0 REMOVE #2",
        ExpressionAttributeNames: { "#0": "a", "#1": "b", "#2": "c" },
        ExpressionAttributeValues: { ":0": { S: "x" } },
        Limit: 2,
        ScanIndexForward: false,
        ConsistentRead: true,
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        RequestItems: { table: { ConsistentRead: true } },
      }),
    ).toEqual({
      "site: set ⟦a = list_append(a, ?)⟧": {
        UpdateExpression: "SET #1 = :0 REMOVE #2",
        ExpressionAttributeNames: { "#1": "b", "#2": "c" },
      },
      "site: set ⟦b = ?⟧": {
        UpdateExpression: "SET #0 = list_append(#0, :0) REMOVE #2",
        ExpressionAttributeNames: { "#0": "a", "#2": "c" },
      },
      "site: remove ⟦c⟧": {
        UpdateExpression: "SET #0 = list_append(#0, :0), #1 = :0",
        ExpressionAttributeNames: { "#0": "a", "#1": "b" },
      },
      "site: ⟦Limit⟧": { Limit: undefined },
      "site: ⟦ScanIndexForward⟧": { ScanIndexForward: true },
      "site: ⟦ConsistentRead⟧": { RequestItems: { table: {} } },
      "site: ⟦ReturnValues ALL_NEW⟧": { ReturnValues: undefined },
      "site: ⟦ReturnValuesOnConditionCheckFailure⟧": { ReturnValuesOnConditionCheckFailure: undefined },
    });
  });
});

describe("the conditions of a source file", () => {
  const source = "if (a && (b || !c)) d(e ? 1 : 2);";

  it("are those of branches, and either side of what joins them", () => {
    expect(conditionsIn("file.ts", source).map(({ key }) => key)).toEqual([
      "file.ts: a",
      "file.ts: (b || !c)",
      "file.ts: b",
      "file.ts: !c",
      "file.ts: e",
    ]);
  });

  it("are asked for behind a switch, each by itself", () => {
    const run = (
      forced: Readonly<Record<string, boolean>>,
      a: boolean,
      b: boolean,
      c: boolean,
      e: boolean,
    ) => {
      const said: unknown[] = [];
      const code = `${withSwitches("file.ts", source)} return said;`;
      // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- what the switches do is seen by running them
      new Function("said", "d", "waybillForcedCondition", "a", "b", "c", "e", code)(
        said,
        (value: unknown) => said.push(value),
        (key: string) => forced[key],
        ...[a, b, c, e],
      );
      return said;
    };
    expect(run({}, true, false, false, true)).toEqual([1]);
    expect(run({}, false, true, true, true)).toEqual([]);
    expect(run({ "file.ts: a": true }, false, true, true, false)).toEqual([2]);
    expect(run({ "file.ts: (b || !c)": false }, true, true, true, true)).toEqual([]);
    expect(run({ "file.ts: !c": true, "file.ts: e": false }, true, false, true, true)).toEqual([2]);
  });
});
