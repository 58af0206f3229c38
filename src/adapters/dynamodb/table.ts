import type { CreateTableCommandInput, DescribeTableCommandOutput } from "@aws-sdk/client-dynamodb";
import { WaybillError } from "../../core/errors/errors.js";
import { checkCount, requireOptions } from "../../core/options/options.js";
import { INDEXES, TTL_ATTRIBUTE } from "./names.js";

/** Which table `dynamodbTable`, `dynamodbCloudFormation` and `dynamodbTableScript` describe, and how it is paid for. */
export interface TableOptions {
  /** The name of the table. */
  readonly table: string;
  /**
   * `on-demand`: paid by the request. Or the units of the table and of each index, a second.
   *
   * @default "on-demand"
   */
  readonly capacity?: "on-demand" | { readonly readUnits: number; readonly writeUnits: number } | undefined;
}

interface IndexShape {
  readonly name: string;
  readonly partition: string;
  readonly sort: string;
  /** Attributes that the index carries beside the keys: written once, so that no change has to touch the index for them. */
  readonly carries?: readonly string[];
}

const INDEX_SHAPES: readonly IndexShape[] = [
  { name: INDEXES.wake, partition: "wakeShard", sort: "wakeKey" },
  { name: INDEXES.purge, partition: "purgeShard", sort: "purgeKey" },
  { name: INDEXES.all, partition: "listShard", sort: "listKey", carries: ["kind"] },
  { name: INDEXES.owner, partition: "owner", sort: "listKey" },
  { name: INDEXES.subject, partition: "subject", sort: "listKey" },
  { name: INDEXES.undeliverable, partition: "undeliverable", sort: "listKey" },
  { name: INDEXES.unfinished, partition: "unfinishedShard", sort: "listKey", carries: ["kind"] },
  { name: INDEXES.failed, partition: "failedShard", sort: "listKey", carries: ["kind"] },
];

/** The table and its indexes, as `CreateTableCommand` and most tools take them. */
export function dynamodbTable(options: TableOptions): CreateTableCommandInput {
  requireOptions("dynamodbTable", options, ["table", "capacity"]);
  const { table, capacity = "on-demand" } = options;
  if (capacity !== "on-demand") checkCapacity(capacity);
  const keys = ["pk", "sk", ...new Set(INDEX_SHAPES.flatMap(({ partition, sort }) => [partition, sort]))];
  const throughput =
    capacity === "on-demand"
      ? {}
      : {
          ProvisionedThroughput: {
            ReadCapacityUnits: capacity.readUnits,
            WriteCapacityUnits: capacity.writeUnits,
          },
        };
  return {
    TableName: requireTableName(table),
    BillingMode: capacity === "on-demand" ? "PAY_PER_REQUEST" : "PROVISIONED",
    AttributeDefinitions: keys.map((name) => ({ AttributeName: name, AttributeType: "S" })),
    KeySchema: keySchema("pk", "sk"),
    GlobalSecondaryIndexes: INDEX_SHAPES.map(({ name, partition, sort, carries }) => ({
      IndexName: name,
      KeySchema: keySchema(partition, sort),
      Projection:
        carries === undefined
          ? { ProjectionType: "KEYS_ONLY" as const }
          : { ProjectionType: "INCLUDE" as const, NonKeyAttributes: [...carries] },
      ...throughput,
    })),
    ...throughput,
  };
}

function checkCapacity(capacity: unknown): void {
  requireOptions("capacity", capacity, ["readUnits", "writeUnits"]);
  const { readUnits, writeUnits } = capacity as Readonly<Record<string, unknown>>;
  checkCount("capacity.readUnits", readUnits ?? null);
  checkCount("capacity.writeUnits", writeUnits ?? null);
}

function keySchema(partition: string, sort: string) {
  return [
    { AttributeName: partition, KeyType: "HASH" as const },
    { AttributeName: sort, KeyType: "RANGE" as const },
  ];
}

/** @throws WaybillError `config.invalid` */
export function requireTableName(table: string): string {
  if (typeof table === "string" && /^[A-Za-z0-9_.-]{3,255}$/.test(table)) return table;
  throw new WaybillError(
    "config.invalid",
    "table must be the name of a DynamoDB table: 3 to 255 of A-Z a-z 0-9 _ . -",
  );
}

/** A CloudFormation template of the table, as data. Kept when its stack is deleted, with recovery to a point in time. */
export function dynamodbCloudFormation(options: TableOptions): Readonly<Record<string, unknown>> {
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "The table of Waybill's DynamoDB store.",
    Resources: {
      WaybillTable: {
        Type: "AWS::DynamoDB::Table",
        DeletionPolicy: "Retain",
        UpdateReplacePolicy: "Retain",
        Properties: {
          ...dynamodbTable(options),
          TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        },
      },
    },
    Outputs: { TableArn: { Value: { "Fn::GetAtt": ["WaybillTable", "Arn"] } } },
  };
}

/** A script for the AWS command line that makes the table, waits for it, and switches time to live on. */
export function dynamodbTableScript(options: TableOptions): string {
  const input = JSON.stringify(dynamodbTable(options), null, 2);
  const { table } = options;
  return [
    "#!/bin/sh",
    "set -eu",
    "aws dynamodb create-table --cli-input-json \"$(cat <<'JSON'",
    input,
    "JSON",
    ')"',
    `aws dynamodb wait table-exists --table-name ${table}`,
    `aws dynamodb update-time-to-live --table-name ${table} --time-to-live-specification Enabled=true,AttributeName=${TTL_ATTRIBUTE}`,
    "",
  ].join("\n");
}

/** What is wrong with a table; `null`: the store can work with it. */
export function problemOf({ Table }: DescribeTableCommandOutput): string | null {
  if (Table === undefined) return "does not exist";
  if (Table.TableStatus === "CREATING" || Table.TableStatus === "DELETING")
    return "is not there yet, or no more";
  const expected = dynamodbTable({ table: "any" });
  if (!isSameSchema(Table.KeySchema, expected.KeySchema)) return "has other keys";
  for (const { IndexName, KeySchema } of expected.GlobalSecondaryIndexes ?? []) {
    const index = Table.GlobalSecondaryIndexes?.find((one) => one.IndexName === IndexName);
    if (index === undefined) return `lacks the index ${IndexName ?? ""}`;
    if (!isSameSchema(index.KeySchema, KeySchema)) return `has the index ${IndexName ?? ""} with other keys`;
    if (index.IndexStatus === "CREATING" || index.IndexStatus === "DELETING") {
      return `is still making the index ${IndexName ?? ""}`;
    }
  }
  return null;
}

type KeySchema = CreateTableCommandInput["KeySchema"];

function isSameSchema(one: KeySchema, other: KeySchema): boolean {
  const text = (schema: KeySchema): string =>
    (schema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName ?? ""} ${KeyType ?? ""}`).join();
  return text(one) === text(other);
}
