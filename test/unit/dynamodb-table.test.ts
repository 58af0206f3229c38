import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  dynamodbCloudFormation,
  dynamodbTableScript,
  dynamodbIamPolicy,
  dynamodbTable,
} from "../../src/dynamodb.js";
import { problemOf } from "../../src/adapters/dynamodb/table.js";

const PAGE = readFileSync("docs/adapters/dynamodb.md", "utf8");

/** The code block behind a mark of the page. */
function generated(mark: string): string {
  const [, rest = ""] = PAGE.split(`<!-- generated: ${mark} -->`);
  return /```\w+\n([\s\S]*?)```/.exec(rest)?.[1] ?? "";
}

describe("the table's definition", () => {
  it("is what the documentation prints: the script and the policy", () => {
    expect(generated('dynamodbTableScript({ table: "waybill" })')).toBe(
      dynamodbTableScript({ table: "waybill" }),
    );
    const tableArn = "arn:aws:dynamodb:REGION:ACCOUNT:table/waybill";
    const policy: unknown = JSON.parse(generated(`dynamodbIamPolicy({ tableArn: "${tableArn}" })`));
    expect(policy).toEqual(dynamodbIamPolicy({ tableArn }));
  });

  it("names each key of each index once among the attributes, and no other", () => {
    const {
      AttributeDefinitions = [],
      KeySchema = [],
      GlobalSecondaryIndexes = [],
    } = dynamodbTable({ table: "jobs" });
    const keys = [KeySchema, ...GlobalSecondaryIndexes.map((index) => index.KeySchema ?? [])].flat();
    const named = AttributeDefinitions.map(({ AttributeName }) => AttributeName);
    expect(new Set(named).size).toBe(named.length);
    expect(new Set(named)).toEqual(new Set(keys.map(({ AttributeName }) => AttributeName)));
  });

  it("gives the table and every index its capacity where it is provisioned", () => {
    const units = { ReadCapacityUnits: 5, WriteCapacityUnits: 7 };
    const definition = dynamodbTable({ table: "jobs", capacity: { readUnits: 5, writeUnits: 7 } });
    expect([definition.BillingMode, definition.ProvisionedThroughput]).toEqual(["PROVISIONED", units]);
    for (const index of definition.GlobalSecondaryIndexes ?? [])
      expect(index.ProvisionedThroughput).toEqual(units);
    const onDemand = dynamodbTable({ table: "jobs" });
    expect([onDemand.BillingMode, onDemand.ProvisionedThroughput]).toEqual(["PAY_PER_REQUEST", undefined]);
  });

  it("is in the template, which keeps the table when its stack goes", () => {
    const template = JSON.parse(JSON.stringify(dynamodbCloudFormation({ table: "jobs" }))) as {
      Resources: { WaybillTable: { DeletionPolicy: string; Properties: object } };
    };
    const { DeletionPolicy, Properties } = template.Resources.WaybillTable;
    expect(DeletionPolicy).toBe("Retain");
    expect(Properties).toMatchObject(JSON.parse(JSON.stringify(dynamodbTable({ table: "jobs" }))) as object);
    expect(Properties).toMatchObject({ TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true } });
  });

  it("takes no name that is not one of a table", () => {
    for (const table of ["", "ab", "a b", "a/b", "'; rm", "x".repeat(256)]) {
      expect(() => dynamodbTable({ table })).toThrow(/table must be the name/);
    }
  });
});

describe("a table as it is", () => {
  const { TableName, BillingMode: _billing, ...shape } = dynamodbTable({ table: "jobs" });
  const described = { ...shape, TableName, TableStatus: "ACTIVE" as const };
  const metadata = { $metadata: {} };

  it("is told apart from what the store needs", () => {
    const indexes = shape.GlobalSecondaryIndexes ?? [];
    const table = (changed: object) => problemOf({ ...metadata, Table: { ...described, ...changed } });
    expect(table({})).toBeNull();
    expect(problemOf(metadata)).toMatch(/does not exist/);
    expect(table({ TableStatus: "CREATING" })).toMatch(/not there yet/);
    expect(table({ KeySchema: [{ AttributeName: "id", KeyType: "HASH" }] })).toMatch(/other keys/);
    expect(table({ GlobalSecondaryIndexes: indexes.slice(1) })).toMatch(/lacks the index waybill-wake/);
    const [first, ...rest] = indexes;
    const other = { ...first, KeySchema: first?.KeySchema?.slice(1) };
    expect(table({ GlobalSecondaryIndexes: [other, ...rest] })).toMatch(/index waybill-wake with other keys/);
    const making = { ...first, IndexStatus: "CREATING" };
    expect(table({ GlobalSecondaryIndexes: [making, ...rest] })).toMatch(
      /still making the index waybill-wake/,
    );
  });
});
