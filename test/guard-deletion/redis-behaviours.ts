import { DAMAGE } from "./redis/damage-behaviours.js";
import { KEYS } from "./redis/keys-behaviours.js";
import { MARKS } from "./redis/marks-behaviours.js";
import { BEHIND, CURSORS, KINDS, OVER_SHARDS, SHARDS } from "./redis/order-behaviours.js";
import { redisTestsOf } from "./redis/place.js";
import type { InRedis } from "./redis-engine.js";
import type { SuiteTest } from "./suite-tests.js";

/** What only Redis does, and the store suite does not ask for. */
export function redisTests(inRedis: InRedis): readonly SuiteTest[] {
  return [
    ...redisTestsOf(inRedis, "on Redis, keys", 1, KEYS),
    ...redisTestsOf(inRedis, "on Redis, damage", 1, DAMAGE),
    ...redisTestsOf(inRedis, "on Redis, marks", 1, MARKS),
    ...redisTestsOf(inRedis, "on Redis, cursors", 1, CURSORS),
    ...redisTestsOf(inRedis, "on Redis, kinds", 1, KINDS),
    ...redisTestsOf(inRedis, "on Redis, behind", 1, BEHIND),
    ...redisTestsOf(inRedis, "on Redis, behind on shards", SHARDS, BEHIND),
    ...redisTestsOf(inRedis, "on Redis, over shards", SHARDS, OVER_SHARDS),
  ];
}
