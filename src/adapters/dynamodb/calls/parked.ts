import type { ParkedMessage, ParkedRequest } from "../../../core/ports/store.js";
import type { Item } from "../client/client.js";
import type { Connection } from "../client/connection.js";
import { Expression } from "../client/expression.js";
import { numeric } from "../items/fields.js";
import { PARKED_SHARD, parkedKey, place, startOf } from "../names.js";
import { EntryReader, PURGE } from "../items/places.js";
import { encodeText, decodeText } from "../items/text.js";

const PAGE = 50;

/** The first of an id stays. */
export async function parkMessage(connection: Connection, message: ParkedMessage): Promise<void> {
  const { id, queue, body, reason, at } = message;
  await connection.put(parkedKey(id), {
    queue: { S: encodeText(queue) },
    body: { S: encodeText(body) },
    reason: { S: encodeText(reason) },
    at: numeric(at),
    purgeShard: { S: PARKED_SHARD },
    purgeKey: { S: place(at, id) },
  });
}

export async function parkedMessages(
  connection: Connection,
  { limit, after }: ParkedRequest,
): Promise<readonly ParkedMessage[]> {
  const messages: ParkedMessage[] = [];
  let start: Item | undefined;
  while (messages.length < limit) {
    const expression = new Expression();
    const of = `${expression.name("pk")} = ${expression.value({ S: parkedKey("").pk })}`;
    const behind =
      after === undefined ? "" : ` AND ${expression.name("sk")} > ${expression.value({ S: after })}`;
    const { Items = [], LastEvaluatedKey } = await connection.query({
      KeyConditionExpression: of + behind,
      ...expression.parts(),
      ConsistentRead: true,
      Limit: limit - messages.length,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    });
    messages.push(...Items.map(decodeMessage));
    if (LastEvaluatedKey === undefined) break;
    start = LastEvaluatedKey;
  }
  return messages;
}

function decodeMessage(item: Item): ParkedMessage {
  return {
    id: item["sk"]?.S ?? "",
    queue: decodeText(item["queue"]?.S ?? ""),
    body: decodeText(item["body"]?.S ?? ""),
    reason: decodeText(item["reason"]?.S ?? ""),
    at: Number(item["at"]?.N),
  };
}

export async function unpark(connection: Connection, id: string): Promise<void> {
  await connection.delete(parkedKey(id));
}

/** Removes messages that were parked before an instant, and tells how many. */
export async function purgeParked(connection: Connection, before: number): Promise<number> {
  const reader = new EntryReader(connection, [
    { keys: PURGE, partition: PARKED_SHARD, below: startOf(Math.max(0, before)), pageSize: PAGE },
  ]);
  let removed = 0;
  for (;;) {
    const entries = await reader.take(PAGE);
    if (entries.length === 0) return removed;
    await Promise.all(
      entries.map(async ({ id, key }) => {
        const expression = new Expression();
        const ConditionExpression = expression.equals("purgeKey", { S: key });
        const written = await connection.delete(parkedKey(id), {
          ConditionExpression,
          ...expression.parts(),
        });
        if (written.status === "ok") removed += 1;
      }),
    );
  }
}
