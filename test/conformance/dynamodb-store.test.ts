import { describe, it } from "vitest";
import type { AnyStore } from "../../src/core/ports/store.js";
import { dynamodbStore } from "../../src/dynamodb.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { dynamoDb, ENGINE, INDEXES_LAG } from "../integration/dynamodb-server.js";

const engine = dynamoDb();

describe(`the DynamoDB store on ${ENGINE}`, () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const { client, table } = await engine();
        const name = await table();
        // The suite's callers share one clock, and it compares instants exactly: no margin between clocks.
        const open = (): AnyStore => inStep(dynamodbStore({ client: client(), table: name, clockSkewMs: 0 }));
        return {
          store: open(),
          second: async () => open(),
          reopen: async () => open(),
          close: async () => {},
        };
      },
    },
  );
});

/** Spares the suite its waits for indexes where the engine has none that lag. */
function inStep(store: AnyStore): AnyStore {
  if (INDEXES_LAG) return store;
  const capabilities = { ...store.capabilities, listIsConsistent: true };
  return new Proxy(store, {
    get(target, property) {
      if (property === "capabilities") return capabilities;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
