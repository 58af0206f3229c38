import type { AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** A `DynamoDBClient`, as far as the store uses it. */
export type DynamoDbClient = Pick<DynamoDBClient, "send">;

/** An item as DynamoDB carries it: attribute values with their types. */
export type Item = Record<string, AttributeValue>;

export type { AttributeValue };

/** The whole key of an item. */
export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

export function keyOf({ pk, sk }: ItemKey): Item {
  return { pk: { S: pk }, sk: { S: sk } };
}
