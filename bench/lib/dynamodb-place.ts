import { randomUUID } from "node:crypto";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import type { Place } from "./contestant.js";

export interface FreshTable {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Removes the table and ends the client. */
  readonly drop: () => Promise<void>;
}

/** A table of this process's own on the emulator. */
export async function freshTable(
  place: Place,
  definition: (table: string) => CreateTableCommandInput,
): Promise<FreshTable> {
  const client = new DynamoDBClient({
    endpoint: place["endpoint"] ?? "",
    region: "us-east-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
  });
  const table = `bench-${randomUUID()}`;
  await client.send(new CreateTableCommand(definition(table)));
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName: table });
  return {
    client,
    table,
    drop: async () => {
      await client.send(new DeleteTableCommand({ TableName: table }));
      client.destroy();
    },
  };
}
