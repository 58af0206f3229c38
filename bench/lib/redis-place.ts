import { Redis } from "ioredis";
import type { Place } from "./contestant.js";

/** Where a contestant finds its keys: a schema is a database of its own, with a dictionary of its own. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
  readonly db: number;
}

export function redisPlace(place: Place): RedisPlace {
  return { host: "127.0.0.1", port: Number(place["port"]), db: databaseOf(place["schema"]) };
}

/** The schemas of the benchmark end with their number. */
export function databaseOf(schema: string | undefined): number {
  return schema === undefined ? 0 : 1 + Number(schema.slice(schema.lastIndexOf("_") + 1));
}

/** Empties a database and makes the log as small as what is left. */
export async function emptied(place: RedisPlace): Promise<void> {
  const redis = new Redis(place);
  try {
    await redis.flushdb();
    await redis.bgrewriteaof();
    await settled(redis);
  } finally {
    redis.disconnect();
  }
}

/** Waits until the server does nothing in the background. */
export async function settled(redis: Redis): Promise<void> {
  const busy =
    /^(aof_rewrite_in_progress|aof_rewrite_scheduled|aof_pending_bio_fsync|lazyfree_pending_objects):[1-9]/m;
  while (busy.test(await redis.info("persistence", "memory"))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
