import type { AnyStore } from "../../../src/core/ports/store.js";
import { StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { InRedis, RedisPlace } from "../redis-engine.js";
import type { SuiteTest } from "../suite-tests.js";

export type RedisTest = (probe: StoreProbe, keys: Keys, place: RedisPlace) => Promise<void>;

/** Tests of what only Redis does, on one shard or on several. */
export function redisTestsOf(
  inRedis: InRedis,
  group: string,
  shards: number,
  tests: Readonly<Record<string, RedisTest>>,
): readonly SuiteTest[] {
  return Object.entries(tests).map(([title, run]) => ({
    title: `${group} > ${title}`,
    run: () =>
      inRedis(async (place) => {
        const store: AnyStore = place.open({ shards, onWarning: () => undefined });
        await run(new StoreProbe({ store, close: () => store.close() }), new Keys(place), place);
      }),
  }));
}

/** What lies under a prefix, past the store. */
export class Keys {
  readonly #place: RedisPlace;

  constructor(place: RedisPlace) {
    this.#place = place;
  }

  get redis() {
    return this.#place.scripts.redis;
  }

  /** The whole name of a key of a shard. */
  of(name: string, shard = 0): string {
    return `{${this.#place.prefix}:${String(shard)}}:${name}`;
  }

  /** The names of all keys of the first shard, without those that a call leaves of its client. */
  async names(): Promise<readonly string[]> {
    const keys = await this.redis.keys(`${this.of("").slice(0, -1)}*`);
    return keys
      .map((key) => key.slice(this.of("").length))
      .filter((name) => !name.startsWith("a:"))
      .sort();
  }

  /** The end of the first line of a job's document is made unreadable. */
  async damage(id: string): Promise<string> {
    const key = this.of(`j:${id}`);
    await this.redis.setrange(key, HEAD_CHARS, "x");
    return (await this.redis.get(key)) ?? "";
  }
}

const HEAD_CHARS = 170;
