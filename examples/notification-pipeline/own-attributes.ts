import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";

/**
 * What the application keeps on the item of a job. `name`, `ttl` and `data` are reserved words of DynamoDB. `ttl` may be the
 * application's only where the store is not told `timeToLive` and the table has time to live off: see infrastructure.ts.
 */
export interface OwnAttributes {
  readonly name: string;
  readonly ttl: number;
  readonly data: Uint8Array;
}

/** Where the store keeps a job. */
const keyOf = (jobId: string): Record<string, AttributeValue> => ({ pk: { S: jobId }, sk: { S: "job" } });

/** Puts them beside what the store keeps: its changes name single attributes and leave the others alone. */
export async function writeOwn(
  client: DynamoDBClient,
  table: string,
  jobId: string,
  { name, ttl, data }: OwnAttributes,
): Promise<void> {
  await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: keyOf(jobId),
      UpdateExpression: "SET #name = :name, #ttl = :ttl, #data = :data",
      ConditionExpression: "attribute_exists(pk)",
      ExpressionAttributeNames: { "#name": "name", "#ttl": "ttl", "#data": "data" },
      ExpressionAttributeValues: { ":name": { S: name }, ":ttl": { N: String(ttl) }, ":data": { B: data } },
    }),
  );
}

/** `null`: they are not there, or not as they were written. */
export async function readOwn(
  client: DynamoDBClient,
  table: string,
  jobId: string,
): Promise<OwnAttributes | null> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: table, Key: keyOf(jobId), ConsistentRead: true }),
  );
  const [name, ttl, data] = [Item?.["name"]?.S, Item?.["ttl"]?.N, Item?.["data"]?.B];
  return name === undefined || ttl === undefined || data === undefined
    ? null
    : { name, ttl: Number(ttl), data };
}
