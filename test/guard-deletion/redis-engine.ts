import type { RedisClient } from "../../src/adapters/redis/client/client.js";
import * as changes from "../../src/adapters/redis/scripts/changes.js";
import * as claims from "../../src/adapters/redis/scripts/claims.js";
import * as create from "../../src/adapters/redis/scripts/create.js";
import * as operations from "../../src/adapters/redis/scripts/operations.js";
import { PRELUDE } from "../../src/adapters/redis/scripts/prelude.js";
import * as reads from "../../src/adapters/redis/scripts/reads.js";
import * as write from "../../src/adapters/redis/scripts/write.js";
import { redisStore, type RedisStoreOptions } from "../../src/redis.js";
import { startRedis } from "../integration/redis-server.js";
import type { Engine } from "./engine.js";
import { luaGuardsOf } from "./lua/guards.js";
import { TextMutator } from "./mutator.js";
import { ChangedScripts } from "./redis-client.js";
import { ownTests, type CreateFixture, type SuiteTest, suiteTests } from "./suite-tests.js";

/** What the scripts are called in keys: a script that is sent and is none of these is an error. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({ ...changes, ...claims, ...create, ...operations, ...reads, ...write }).flatMap(
    ([name, script]) => (typeof script === "object" ? [[script.source, name] as const] : []),
  ),
);

/** Scripts that no test sends: their guards were never looked at. */
export function unsentScripts(statements: readonly string[]): readonly string[] {
  return [...NAMES].flatMap(([source, name]) => (statements.includes(source) ? [] : [name]));
}

function guardsIn(source: string): ReturnType<typeof luaGuardsOf> {
  const name = NAMES.get(source);
  if (name === undefined) throw new Error(`a script of no known name: ${source.slice(-200)}`);
  return luaGuardsOf(source, { name, sharedChars: PRELUDE.length });
}

/** What a store on several shards does first, and one of one shard never does. Scopes are no matter of several shards. */
const OVER_SHARDS = /^(claim next|take due|purge|contention|list|by reference|operations) > /;
const SHARDS = 4;

/** An empty place for a test of what only Redis does. */
export interface RedisPlace {
  readonly prefix: string;
  readonly scripts: ChangedScripts;
  open(options?: Partial<RedisStoreOptions>, client?: RedisClient): ReturnType<typeof redisStore>;
}

export type InRedis = (use: (place: RedisPlace) => Promise<void>) => Promise<void>;

/** The Redis store on a server of its own. */
export async function redisEngine(more: (inRedis: InRedis) => readonly SuiteTest[]): Promise<Engine> {
  const server = await startRedis({ settings: { "lua-time-limit": "200" } });
  const mutator = new TextMutator(guardsIn);
  const scripts = new ChangedScripts(server, mutator);
  const createOn =
    (shards: number): CreateFixture =>
    async () => {
      const prefix = server.prefix();
      const open = () => redisStore({ client: scripts.client(), prefix, shards, onWarning: () => undefined });
      return {
        store: open(),
        second: async () => open(),
        reopen: async () => open(),
        close: () => scripts.clear(),
      };
    };
  const inRedis: InRedis = async (use) => {
    const prefix = server.prefix();
    try {
      await use({
        prefix,
        scripts,
        open: (options = {}, client = scripts.client()) => redisStore({ client, prefix, ...options }),
      });
    } finally {
      await scripts.clear();
    }
  };
  const testsOn = (create: CreateFixture): readonly SuiteTest[] => [
    ...suiteTests(create),
    ...ownTests(create),
  ];
  const overShards = testsOn(createOn(SHARDS))
    .filter(({ title }) => OVER_SHARDS.test(title))
    .map(({ title, run }) => ({ title: `on shards: ${title}`, run }));
  return {
    mutator,
    tests: [...testsOn(createOn(1)), ...overShards, ...more(inRedis)],
    abandon: () => scripts.clear(),
    close: () => server.stop(),
  };
}
