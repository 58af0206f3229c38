export type {
  RedisClient,
  RedisCommands,
  RedisNode,
  RedisSubscriber,
} from "./adapters/redis/client/client.js";
export { redisFeed, type RedisFeedOptions } from "./adapters/redis/feed.js";
export type { RedisDurability, RedisWarning } from "./adapters/redis/client/server-check.js";
export type { RedisLostWrites, RedisWait } from "./adapters/redis/client/session.js";
export { type RedisStore, redisStore, type RedisStoreOptions } from "./adapters/redis/store.js";
