import {
  type AttributeValue,
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { DynamoDbPlace, InDynamoDb } from "../dynamodb-engine.js";
import type { Before } from "./client.js";
import type { SuiteTest } from "../suite-tests.js";

type Item = Record<string, AttributeValue>;

export type DynamoDbTest = (probe: StoreProbe, table: Table, place: DynamoDbPlace) => Promise<void>;

/** Tests of what only DynamoDB does. */
export function dynamodbTestsOf(
  inDynamoDb: InDynamoDb,
  group: string,
  tests: Readonly<Record<string, DynamoDbTest>>,
): readonly SuiteTest[] {
  return Object.entries(tests).map(([title, run]) => ({
    title: `${group} > ${title}`,
    run: () =>
      inDynamoDb(async (place) => {
        const store = place.open();
        await run(new StoreProbe({ store, close: () => store.close() }), new Table(place), place);
      }),
  }));
}

/** What lies in a table, past the store. */
export class Table {
  readonly #place: DynamoDbPlace;

  constructor(place: DynamoDbPlace) {
    this.#place = place;
  }

  async items(): Promise<readonly Item[]> {
    const { direct, table } = this.#place;
    const { Items = [] } = await direct.send(new ScanCommand({ TableName: table }));
    return Items;
  }

  async item(pk: string, sk = "job"): Promise<Item | null> {
    const { direct, table } = this.#place;
    const Key = { pk: { S: pk }, sk: { S: sk } };
    const { Item } = await direct.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
    return Item ?? null;
  }

  async put(item: Item): Promise<void> {
    const { direct, table } = this.#place;
    await direct.send(new PutItemCommand({ TableName: table, Item: item }));
  }

  /** Stores many at once: at most 25 go with one request. */
  async putAll(items: readonly Item[]): Promise<void> {
    const { direct, table } = this.#place;
    for (let from = 0; from < items.length; from += 25) {
      const puts = items.slice(from, from + 25).map((item) => ({ PutRequest: { Item: item } }));
      await direct.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
    }
  }

  async remove(pk: string, sk: string): Promise<void> {
    const { direct, table } = this.#place;
    await direct.send(new DeleteItemCommand({ TableName: table, Key: { pk: { S: pk }, sk: { S: sk } } }));
  }

  /** Sets one attribute, whatever the item is. */
  async set(pk: string, attribute: string, value: AttributeValue, sk = "job"): Promise<void> {
    const { direct, table } = this.#place;
    await direct.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pk: { S: pk }, sk: { S: sk } },
        UpdateExpression: "SET #0 = :0",
        ExpressionAttributeNames: { "#0": attribute },
        ExpressionAttributeValues: { ":0": value },
      }),
    );
  }
}

/** Whether a request changes or removes an item. */
export function changes(command: "UpdateItem" | "DeleteItem", pk: string) {
  return (sent: string, { Key }: Readonly<Record<string, unknown>>): boolean =>
    sent === command && (Key as Item | undefined)?.["pk"]?.S === pk;
}

interface Watched {
  readonly client: DynamoDBClient;
  /** The commands that were sent, in order. */
  readonly sent: string[];
}

/**
 * A client before whose first request of a sort something else happens: what another process does in between.
 *
 * @param isMoment - whether this request is the one
 */
export function interrupted(
  place: DynamoDbPlace,
  isMoment: (...request: Parameters<Before>) => boolean,
  interrupt: () => Promise<unknown>,
): Watched {
  const sent: string[] = [];
  let isOver = false;
  const client = place.client(async (command, input) => {
    const isNow = !isOver && isMoment(command, input);
    isOver ||= isNow;
    if (isNow) await interrupt();
    sent.push(command);
  });
  return { client, sent };
}

/** A client that tells what is sent through it. */
export function watched(place: DynamoDbPlace): Watched {
  return interrupted(
    place,
    () => false,
    async () => undefined,
  );
}
