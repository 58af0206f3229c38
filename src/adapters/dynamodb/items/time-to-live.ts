import type { HotJob } from "./codec.js";
import { Update } from "../client/expression.js";
import { ttlOf } from "./indexed.js";
import { payloadKey, scopeKey, TTL_ATTRIBUTE } from "../names.js";
import { asWellAsMayBe } from "./payload.js";
import type { Session } from "../settings.js";

/**
 * Gives what belongs to a settled job the same end as its own item: DynamoDB removes items one by one, and would leave
 * these for good. Only ever after the job has settled: a payload that expires under a live job is lost.
 */
export async function expireBelongings(
  { connection, timeToLive }: Session,
  { job, input, output }: HotJob,
  purgeAt: number,
): Promise<void> {
  if (!timeToLive) return;
  const { id, scope } = job.record;
  const payloads = [
    ...("nonce" in input ? [payloadKey(id, "input", input.nonce)] : []),
    ...(output !== null && "nonce" in output ? [payloadKey(id, "output", output.nonce)] : []),
  ];
  const expire = (): Update => new Update().set(TTL_ATTRIBUTE, ttlOf(purgeAt));
  await Promise.all([
    ...payloads.map((key) => asWellAsMayBe(() => connection.update(key, expire().when("sk", { S: key.sk })))),
    ...(scope === null
      ? []
      : [asWellAsMayBe(() => connection.update(scopeKey(scope), expire().when("job", { S: id })))]),
  ]);
}
