import { WaybillError } from "../../core/errors/errors.js";

/** No braces: they would make another hash tag, and a cluster would put the keys of a shard anywhere. */
const PREFIX_PATTERN = /^[A-Za-z0-9_.:-]{1,64}$/;
const MAX_SHARDS = 1_024;

/** Where jobs are kept: every key of a shard begins with its tag, so a cluster keeps them in one slot. */
export interface Places {
  readonly prefix: string;
  /** `{prefix:0}` and so on. */
  readonly tags: readonly [string, ...string[]];
  /** Hints go here. */
  readonly channel: string;
  /** The shard of a job, by the last two characters of its id. */
  shardOf(id: string): number;
}

/** @throws WaybillError `config.invalid` */
export function placesOf(prefix: string, shards: number): Places {
  if (typeof prefix !== "string" || !PREFIX_PATTERN.test(prefix)) {
    throw new WaybillError(
      "config.invalid",
      "The prefix of the Redis store must match [A-Za-z0-9_.:-]{1,64}.",
    );
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new WaybillError("config.invalid", `The Redis store takes 1 to ${MAX_SHARDS} shards.`);
  }
  const tag = (shard: number): string => `{${prefix}:${shard}}`;
  const others = Array.from({ length: shards - 1 }, (_, index) => tag(index + 1));
  return {
    prefix,
    tags: [tag(0), ...others],
    channel: `waybill:${prefix}`,
    shardOf: shards === 1 ? () => 0 : (id) => shardOfEnd(id.slice(-2), shards),
  };
}

/**
 * The shard of a text's end. Multiplied and folded, so that the 256 ends of hexadecimal ids spread over any number of
 * shards. Never to be changed: what is stored would not be found.
 */
export function shardOfEnd(end: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < end.length; index += 1) {
    hash = Math.imul(hash ^ end.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return (hash >>> 0) % shards;
}
