// A store on a table of its own behind a proxy, and short ways to look at what is stored.
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  type DynamoDBClientConfig,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { onTestFinished } from "vitest";
import type { AnyStore } from "../../src/core/ports/store.js";
import { dynamodbStore, type DynamoDbStoreOptions } from "../../src/dynamodb.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { dynamoDbProxy, type DynamoDbProxy } from "./dynamodb-proxy.js";
import type { DynamoDb } from "./dynamodb-server.js";

type RawItem = Record<string, AttributeValue>;

export interface DynamoDbBench {
  readonly proxy: DynamoDbProxy;
  readonly table: string;
  /** Past the proxy. */
  readonly direct: DynamoDBClient;
  readonly store: AnyStore;
  readonly probe: StoreProbe;
  /** Another store on the same table, through the proxy unless it is given a client. */
  more(options?: Partial<DynamoDbStoreOptions>, config?: DynamoDBClientConfig): AnyStore;
  /** Every item of the table, past the proxy. */
  items(): Promise<readonly RawItem[]>;
  /** Sets an attribute of an item past the store. */
  poke(pk: string, sk: string, attribute: string, value: AttributeValue): Promise<void>;
  /** Removes an item past the store. */
  remove(pk: string, sk: string): Promise<void>;
}

export async function dynamoDbBench(
  engine: DynamoDb,
  options: Partial<DynamoDbStoreOptions> = {},
  config: DynamoDBClientConfig = {},
): Promise<DynamoDbBench> {
  if (engine.endpoint === null)
    throw new Error("these tests need an engine that a proxy can stand in front of");
  const table = await engine.table();
  const proxy = await dynamoDbProxy(engine.endpoint);
  onTestFinished(() => proxy.close());
  const direct = engine.client();
  const more: DynamoDbBench["more"] = (given = {}, settings = {}) =>
    dynamodbStore({
      client: engine.client({ endpoint: proxy.endpoint, ...settings }),
      table,
      clockSkewMs: 0,
      retryForMs: 2_000,
      ...given,
    });
  const store = more(options, config);
  return {
    proxy,
    table,
    direct,
    store,
    more,
    probe: new StoreProbe({ store, close: async () => undefined }),
    async items() {
      const { Items = [] } = await direct.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
      return Items;
    },
    async remove(pk, sk) {
      await direct.send(new DeleteItemCommand({ TableName: table, Key: { pk: { S: pk }, sk: { S: sk } } }));
    },
    async poke(pk, sk, attribute, value) {
      await direct.send(
        new UpdateItemCommand({
          TableName: table,
          Key: { pk: { S: pk }, sk: { S: sk } },
          UpdateExpression: "SET #a = :v",
          ExpressionAttributeNames: { "#a": attribute },
          ExpressionAttributeValues: { ":v": value },
        }),
      );
    },
  };
}
