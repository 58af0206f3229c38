import { expect, it } from "vitest";
import * as dynamodb from "../../src/dynamodb.js";
import * as root from "../../src/index.js";
import * as postgres from "../../src/postgres.js";
import * as sqs from "../../src/sqs.js";
import * as storeKit from "../../src/store-kit.js";

it("the root entry has nothing of what only a store needs", () => {
  expect(Object.keys(storeKit).filter((name) => name in root)).toEqual([]);
});

it("no two entries have something of one name, so that one file may import from each", () => {
  const entries = [root, dynamodb, postgres, sqs, storeKit];
  const names = entries.flatMap((entry) => Object.keys(entry));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

it("what prepares an engine bears the name of the engine", () => {
  expect(Object.keys(dynamodb).sort()).toEqual([
    "dynamodbCloudFormation",
    "dynamodbIamPolicy",
    "dynamodbStore",
    "dynamodbTable",
    "dynamodbTableScript",
    "hintsOfStreamRecord",
  ]);
  expect(Object.keys(postgres)).toContain("postgresMigrationSql");
  expect(Object.keys(sqs).sort()).toEqual(["sqsCloudFormation", "sqsIamPolicy", "sqsQueue"]);
});
