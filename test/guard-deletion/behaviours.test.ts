import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { redisMissing } from "../integration/redis-server.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { dynamodbTests } from "./dynamodb-behaviours.js";
import { dynamodbEngine } from "./dynamodb-engine.js";
import type { Engine } from "./engine.js";
import { postgresTests } from "./postgres-behaviours.js";
import { postgresEngine } from "./postgres-engine.js";
import { redisTests } from "./redis-behaviours.js";
import { redisEngine } from "./redis-engine.js";
import { sqliteEngine } from "./sqlite-engine.js";
import { ownTests } from "./suite-tests.js";

/** What is not of the store suite, which the conformance tests run. */
const OWN =
  /^(a long list|a list by status|what is next|on SQLite|on Postgres|on Redis, .*|on DynamoDB, .*) > /;

async function runOwn({ tests }: Engine, atLeast: number): Promise<void> {
  const own = tests.filter(({ title }) => OWN.test(title));
  expect(own.length).toBeGreaterThanOrEqual(atLeast);
  for (const { title, run } of own) await expect(run(), title).resolves.toBeUndefined();
}

describe("what guards keep and the store suite does not ask for", () => {
  const create = async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  };
  it.each(ownTests(create))("memory: $title", async ({ run }) => {
    await run();
  });

  it("holds on SQLite", () => runOwn(sqliteEngine(), 1), 120_000);

  describe.skipIf(postgresMissing() !== null)("on Postgres", () => {
    let engine: Engine | null = null;
    beforeAll(async () => {
      const { connection } = await postgresServer();
      engine = postgresEngine({ connection, prefix: "guards", more: postgresTests });
    }, 120_000);
    afterAll(() => engine?.close());

    it("holds", () => runOwn(engine!, 4), 120_000);
  });

  it.skipIf(redisMissing() !== null)(
    "holds on Redis",
    async () => {
      const engine = await redisEngine(redisTests);
      try {
        await runOwn(engine, 30);
      } finally {
        await engine.close();
      }
    },
    120_000,
  );

  it("holds on DynamoDB", async () => {
    const engine = dynamodbEngine(dynamodbTests);
    try {
      await runOwn(engine, 35);
    } finally {
      await engine.close();
    }
  }, 120_000);
});
