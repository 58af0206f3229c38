import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { edgeBehaviour } from "./edge-behaviours.js";
import type { Engine } from "./engine.js";
import { moreBehaviour } from "./more-behaviours.js";
import { pageBehaviour } from "./page-behaviours.js";
import { postgresTests } from "./postgres-behaviours.js";
import { postgresEngine } from "./postgres-engine.js";
import { sqliteEngine } from "./sqlite-engine.js";
import { behaviourTests } from "./suite-tests.js";

/** What is not of the store suite, which the conformance tests run. */
const OWN = /^(one job and no other|at the edges|a long list|in SQL|on Postgres) > /;

async function runOwn({ tests }: Engine): Promise<void> {
  const own = tests.filter(({ title }) => OWN.test(title));
  expect(own.length).toBeGreaterThan(20);
  for (const { title, run } of own) await expect(run(), title).resolves.toBeUndefined();
}

describe("what guards keep and the store suite does not ask for", () => {
  const create = async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  };
  const behaviours = [moreBehaviour, edgeBehaviour, pageBehaviour];
  it.each(behaviours.flatMap((behaviour) => behaviourTests(behaviour, create)))(
    "memory: $title",
    async ({ run }) => {
      await run();
    },
  );

  it("holds on SQLite", () => runOwn(sqliteEngine()), 120_000);

  describe.skipIf(postgresMissing() !== null)("on Postgres", () => {
    let engine: Engine | null = null;
    beforeAll(async () => {
      const { connection } = await postgresServer();
      engine = postgresEngine({ connection, prefix: "guards", more: postgresTests });
    }, 120_000);
    afterAll(() => engine?.close());

    it("holds", () => runOwn(engine!), 120_000);
  });
});
