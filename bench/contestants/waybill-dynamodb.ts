import { dynamodbStore, dynamodbTable } from "../../src/dynamodb.js";
import { memoryQueue } from "../../src/index.js";
import type { Contestant, Place } from "../lib/contestant.js";
import { freshTable } from "../lib/dynamodb-place.js";
import { waybillOn } from "./waybill.js";

/** The store is no queue: messages of ten at a time, as with SQS, but in memory. */
export async function open(place: Place): Promise<Contestant> {
  const { client, table, drop } = await freshTable(place, (name) => dynamodbTable({ table: name }));
  return waybillOn({
    store: dynamodbStore({ client, table }),
    queue: memoryQueue(),
    prepare: async () => undefined,
    done: async () => null,
    close: drop,
  });
}
