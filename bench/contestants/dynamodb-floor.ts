import { randomUUID } from "node:crypto";
import { PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { type Contestant, handle, type Payload, type Place } from "../lib/contestant.js";
import { freshTable } from "../lib/dynamodb-place.js";

/**
 * The least that keeps a job through a claim to its output: one item, put, claimed and finished, each under a condition.
 * What is ready is known in memory. No index, guard, lease, history or record of any other thing.
 */
export async function open(place: Place): Promise<Contestant> {
  const { client, table, drop } = await freshTable(place, (TableName) => ({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
  }));
  const ready: string[] = [];
  const takers: ((id: string | null) => void)[] = [];

  const add = async (payload: Payload): Promise<void> => {
    const id = randomUUID();
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: { pk: { S: id }, state: { N: "0" }, input: { S: JSON.stringify(payload) } },
        ConditionExpression: "attribute_not_exists(pk)",
      }),
    );
    const taker = takers.shift();
    if (taker === undefined) ready.push(id);
    else taker(id);
  };
  const claim = async (id: string): Promise<Payload> => {
    const { Attributes } = await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pk: { S: id } },
        UpdateExpression: "SET #s = :to",
        ConditionExpression: "#s = :from",
        ExpressionAttributeNames: { "#s": "state" },
        ExpressionAttributeValues: { ":from": { N: "0" }, ":to": { N: "1" } },
        ReturnValues: "ALL_NEW",
      }),
    );
    return JSON.parse(Attributes?.["input"]?.S ?? "null") as Payload;
  };
  const finish = async (id: string, output: string): Promise<void> => {
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pk: { S: id } },
        UpdateExpression: "SET #s = :to, #o = :o",
        ConditionExpression: "#s = :from",
        ExpressionAttributeNames: { "#s": "state", "#o": "output" },
        ExpressionAttributeValues: { ":from": { N: "1" }, ":to": { N: "2" }, ":o": { S: output } },
      }),
    );
  };

  return {
    prepare: async () => undefined,
    submit: add,
    load: async (payloads) => {
      for (let from = 0; from < payloads.length; from += 50) {
        await Promise.all(payloads.slice(from, from + 50).map(add));
      }
    },
    work: async ({ concurrency }, recorded) => {
      let stopped = false;
      const next = (): Promise<string | null> =>
        new Promise((resolve) => {
          const id = ready.shift();
          if (id === undefined) takers.push(resolve);
          else resolve(id);
        });
      const slot = async (): Promise<void> => {
        for (let id = await next(); id !== null && !stopped; id = await next()) {
          await finish(id, JSON.stringify(await handle(await claim(id))));
          recorded(1);
        }
      };
      const running = Promise.all(Array.from({ length: concurrency }, slot));
      return {
        stop: async () => {
          stopped = true;
          for (const taker of takers.splice(0)) taker(null);
          await running;
        },
      };
    },
    done: async () => null,
    close: drop,
  };
}
