import type { Item, ItemKey } from "../client/client.js";
import { decodeProvisional, type HotJob, PROVISIONAL } from "./codec.js";
import type { Written } from "../client/connection.js";
import { Expression } from "../client/expression.js";
import { numeric } from "./fields.js";
import { isPayloadKey, jobKey, scopeKey } from "../names.js";
import { asWellAsMayBe } from "./payload.js";
import { dropRefs } from "./refs.js";
import type { Session } from "../settings.js";

/**
 * Removes a job that was never confirmed, itself first: should it be confirmed meanwhile, nothing of it is touched. Its input follows
 * as well as may be.
 */
export async function dropProvisional(session: Session, item: Item): Promise<void> {
  const { id } = decodeProvisional(item);
  const expression = new Expression();
  const ConditionExpression = expression.equals("status", { S: PROVISIONAL });
  const written = await session.connection.delete(jobKey(id), { ConditionExpression, ...expression.parts() });
  if (written.status === "ok") await asWellAsMayBe(() => dropPayloads(session, id));
}

/**
 * Removes a settled job with all that belongs to it, itself last: cut off in between, the next purge goes on where this one
 * ended. `false`: it has changed since, or was removed by another.
 */
export async function removeSettled(session: Session, { job }: HotJob): Promise<boolean> {
  const { connection } = session;
  const { id, scope, purgeAt, awaiting, version } = job.record;
  await dropPayloads(session, id);
  if (awaiting !== null) await dropRefs(connection, job.record, awaiting.refKeys, version);
  if (scope !== null) await deleteWhen(session, scopeKey(scope), "job", { S: id });
  const expected = purgeAt === null ? null : numeric(purgeAt);
  return (await deleteWhen(session, jobKey(id), "purgeAt", expected)).status === "ok";
}

async function deleteWhen(
  session: Session,
  key: ItemKey,
  attribute: string,
  value: PlainValue | null,
): Promise<Written> {
  const expression = new Expression();
  const ConditionExpression = expression.equals(attribute, value);
  return session.connection.delete(key, { ConditionExpression, ...expression.parts() });
}

type PlainValue = Parameters<Expression["value"]>[0];

/** Payloads that the job names, and those of writes whose end nobody heard of. */
async function dropPayloads({ connection }: Session, id: string): Promise<void> {
  let start: Item | undefined;
  do {
    const expression = new Expression();
    const { Items = [], LastEvaluatedKey } = await connection.query({
      KeyConditionExpression: `${expression.name("pk")} = ${expression.value({ S: id })}`,
      ProjectionExpression: `${expression.name("pk")}, ${expression.name("sk")}`,
      ...expression.parts(),
      ConsistentRead: true,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    });
    const keys = Items.map((item) => ({ pk: id, sk: item["sk"]?.S ?? "" })).filter(isPayloadKey);
    await Promise.all(keys.map((key) => connection.delete(key)));
    start = LastEvaluatedKey;
  } while (start !== undefined);
}
