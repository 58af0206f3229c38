import {
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { expect, it } from "vitest";
import { dynamodbTable } from "../../src/dynamodb.js";
import { startDynalite } from "../support/dynalite.js";

// A process of a test or an example must not end by what its emulator was working on when it was stopped.
it("dynalite is stopped under load, and nothing is thrown", async () => {
  const { endpoint, stop } = await startDynalite();
  const client = new DynamoDBClient({
    ...{ endpoint, region: "us-east-1", maxAttempts: 1 },
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  await client.send(new CreateTableCommand(dynamodbTable({ table: "jobs" })));
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName: "jobs" });
  const thrown: unknown[] = [];
  const hear = (error: unknown): void => void thrown.push(error);
  process.on("uncaughtException", hear);
  const puts = Array.from({ length: 200 }, (_, n) =>
    client.send(
      new PutItemCommand({
        TableName: "jobs",
        Item: { pk: { S: String(n) }, sk: { S: "job" }, text: { S: "x".repeat(9_000) } },
      }),
    ),
  );
  // The first is answered, and others are under way.
  await Promise.race(puts);
  await stop();
  const answers = await Promise.allSettled(puts);
  process.off("uncaughtException", hear);
  client.destroy();
  expect(thrown).toEqual([]);
  expect(answers.some(({ status }) => status === "fulfilled")).toBe(true);
});
