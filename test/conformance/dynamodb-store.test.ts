import { UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, it } from "vitest";
import type { AnyStore } from "../../src/core/ports/store.js";
import { dynamodbStore } from "../../src/dynamodb.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { inStep } from "../integration/dynamodb-in-step.js";
import { dynamoDb, ENGINE } from "../integration/dynamodb-server.js";

const engine = dynamoDb();

describe(`the DynamoDB store on ${ENGINE}`, () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const { client, table } = await engine();
        const name = await table();
        // The suite's callers share one clock, and it compares instants exactly: no margin between clocks.
        const open = (): AnyStore => inStep(dynamodbStore({ client: client(), table: name, clockSkewMs: 0 }));
        return {
          store: open(),
          second: async () => open(),
          spoil: async (id) => {
            await client().send(
              new UpdateItemCommand({
                TableName: name,
                Key: { pk: { S: id }, sk: { S: "job" } },
                UpdateExpression: "SET version = :v",
                ExpressionAttributeValues: { ":v": { S: "one" } },
              }),
            );
          },
          reopen: async () => open(),
          close: async () => {},
        };
      },
    },
  );
});
