import type { Redis } from "ioredis";
import { describe } from "vitest";
import { type RedisClient, redisStore } from "../../../src/redis.js";
import { redisMissing, redisServer } from "../../integration/redis-server.js";
import { storeModel } from "./store-model.js";
import type { ModelFixture } from "./world.js";

const CLOCK_KEY = "model-clock";
/** Where the scripts ask the server for the time. */
const ASKS = "C('TIME')";
/** What a token holds is remembered for a lease by a clock that cannot be set. */
const FORGETS = ",'PX',ARGV[at+2]";

let connection: Promise<Redis> | null = null;

/** The server's clock cannot be set: each script takes the time from a key instead. Nothing else of it changes, but for what is forgotten. */
function withClock(redis: Redis): { readonly client: RedisClient; readonly setNow: (ms: number) => void } {
  let set: Promise<unknown> = Promise.resolve();
  const run = async (source: string, tag: string, args: readonly string[]): Promise<unknown> => {
    await set;
    if (!source.includes(ASKS)) throw new Error("a script that does not ask for the time as it used to");
    const timed = source.replace(ASKS, `C('HMGET','${CLOCK_KEY}','s','us')`).replaceAll(FORGETS, "");
    return redis.eval(timed, 1, tag, ...args);
  };
  const client: RedisClient = Object.create(redis, {
    // No script is known by its hash, so each comes whole.
    evalsha: { value: () => redis.evalsha("0".repeat(40), 0) },
    eval: {
      value: (source: string, _keys: number, tag: string, ...args: string[]) => run(source, tag, args),
    },
  }) as RedisClient;
  return {
    client,
    setNow(ms) {
      set = redis.hset(CLOCK_KEY, { s: Math.floor(ms / 1_000), us: (ms % 1_000) * 1_000 });
    },
  };
}

async function open(): Promise<ModelFixture> {
  connection ??= redisServer().then((server) => server.client());
  const redis = await connection;
  await redis.flushall();
  const { client, setNow } = withClock(redis);
  const store = redisStore({ client });
  return { store, setNow, close: () => store.close() };
}

describe.skipIf(redisMissing() !== null)("the Redis store, against its model", () => {
  storeModel(open);
});
