// DynamoDB for one test file: dynalite on a private port of the loopback, in memory, or whatever WAYBILL_DYNAMODB_ENDPOINT
// names (another emulator; "aws" is the service itself, by the credentials of the environment).
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { afterAll } from "vitest";
import { dynamodbTable } from "../../src/dynamodb.js";
import { startDynalite } from "../support/dynalite.js";

const ENDPOINT = process.env["WAYBILL_DYNAMODB_ENDPOINT"];

/** What the tests run on, for their titles. */
export const ENGINE = ENDPOINT ?? "dynalite";

/** dynalite writes its indexes with the item: there is no lag to wait for. */
export const INDEXES_LAG = ENDPOINT === "aws";

const STOP_MS = 120_000;
/** dynalite makes a table in a turn of its event loop, mostly behind the first look: the next is not to be a second away. */
const OWN_LOOK_S = 0.005;

export interface DynamoDb {
  readonly endpoint: string | null;
  /** Destroyed with the engine. */
  client(config?: DynamoDBClientConfig): DynamoDBClient;
  /** Makes a table that is removed with the engine. */
  table(): Promise<string>;
}

/** Starts the engine for this file. */
export function dynamoDb(): () => Promise<DynamoDb> {
  let started: Promise<Engine> | null = null;
  afterAll(async () => {
    await (await started)?.stop();
  }, STOP_MS);
  return () => (started ??= start());
}

interface Engine extends DynamoDb {
  stop(): Promise<void>;
}

async function start(): Promise<Engine> {
  const own = ENDPOINT === undefined ? await startDynalite() : null;
  const endpoint = ENDPOINT ?? own?.endpoint ?? "";
  const clients: DynamoDBClient[] = [];
  const tables: string[] = [];
  const client = (config: DynamoDBClientConfig = {}): DynamoDBClient => {
    const made = new DynamoDBClient({ ...(endpoint === "aws" ? {} : local(endpoint)), ...config });
    clients.push(made);
    return made;
  };
  const admin = client();
  return {
    endpoint: endpoint === "aws" ? null : endpoint,
    client,
    async table() {
      const name = `waybill-test-${crypto.randomUUID()}`;
      tables.push(name);
      await admin.send(new CreateTableCommand(dynamodbTable({ table: name })));
      await waitUntilTableExists(
        { client: admin, maxWaitTime: 60, minDelay: own === null ? 1 : OWN_LOOK_S, maxDelay: 2 },
        { TableName: name },
      );
      return name;
    },
    async stop() {
      // What dynalite keeps ends with it.
      if (own === null)
        for (const TableName of tables) await admin.send(new DeleteTableCommand({ TableName }));
      for (const one of clients) one.destroy();
      await own?.stop();
    },
  };
}

function local(endpoint: string): DynamoDBClientConfig {
  return { endpoint, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } };
}
