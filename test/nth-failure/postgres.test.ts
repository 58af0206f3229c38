import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { allCuts, type StoreKind } from "./all-cuts.js";
import { everyCall } from "./all-scenarios.js";
import { type PostgresKind, postgresKind } from "./postgres-store.js";
import { SCENARIOS } from "./scenarios.js";
import { SAMPLE_EVERY } from "./settings.js";
import { MEMORY } from "./stores.js";
import { NAIVE } from "./variants.js";

describe.skipIf(postgresMissing() !== null)(
  "whatever single call fails, on Postgres, nothing is lost and nothing doubled",
  () => {
    let kind: PostgresKind | null = null;
    beforeAll(async () => {
      const server = await postgresServer();
      kind = await postgresKind(server.connection, "nth_failure");
    }, 60_000);
    afterAll(() => kind?.close());

    everyCall({ name: "postgres", make: () => kind!.make() }, SAMPLE_EVERY.postgres);

    it("a job goes step by step as on the memory store, at the same instants", async () => {
      const [scenario] = SCENARIOS;
      const there = await allCuts(scenario!, timedByCaller(kind!), { sampleEvery: 2 });
      const here = await allCuts(scenario!, MEMORY, { sampleEvery: 2 });
      expect(there.hash).toBe(here.hash);
    }, 60_000);

    it("the loop sees a library that calls an unknown outcome not applied", async () => {
      const naive = NAIVE.find(({ variant }) => variant.name === "an unknown outcome is called not applied")!;
      const scenario = SCENARIOS.find(({ name }) => name === naive.scenario)!;
      const report = await allCuts(scenario, kind!, { variant: naive.variant, most: 1 });
      expect(report.failures.length).toBeGreaterThan(0);
      expect(naive.caughtBy.some((rule) => report.rules.includes(rule))).toBe(true);
    }, 60_000);
  },
);

/** The server's clock is the scenario's, as the memory store's is: nobody has to ask for it first. */
function timedByCaller(kind: StoreKind): StoreKind {
  return {
    ...kind,
    make: () => {
      const made = kind.make();
      return {
        ...made,
        store: (now) => {
          const store = made.store(now);
          return Object.assign(store, { capabilities: { ...store.capabilities, clock: "caller" } });
        },
      };
    },
  };
}
