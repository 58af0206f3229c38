import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { dynamodbStore, dynamodbTable } from "waybill/dynamodb";
import { startDynalite } from "../support/dynalite.js";
import { SLOW_PACE } from "./pace.js";
import type { OpenStore, TortureStore } from "./torture-store.js";

const TABLE = "torture";

function openClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
}

/** dynalite in the test's own process, in memory: real requests, and nothing that outlives it. */
export const dynamodbTorture: TortureStore = {
  name: "dynamodb",
  hasServer: false,
  pace: SLOW_PACE,
  async start() {
    const { endpoint: address, stop } = await startDynalite();
    const client = openClient(address);
    await client.send(new CreateTableCommand(dynamodbTable({ table: TABLE })));
    await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName: TABLE });
    client.destroy();
    return {
      ...{ address, stop },
      crash: null,
    };
  },
  async open(endpoint): Promise<OpenStore> {
    const client = openClient(endpoint);
    // One machine has one clock.
    const store = dynamodbStore({ client, table: TABLE, clockSkewMs: 0 });
    return {
      store,
      async close() {
        await store.close();
        client.destroy();
      },
    };
  },
};
