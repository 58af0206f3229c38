import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { AnyStore } from "../../src/core/ports/store.js";
import { dynamodbStore, type DynamoDbStoreOptions } from "../../src/dynamodb.js";
import { setSwitches } from "./conditions.js";
import { type Before, ChangedRequests } from "./dynamodb/client.js";
import { Emulator } from "./dynamodb/emulator.js";
import { RequestMutator } from "./dynamodb/mutator.js";
import type { Engine } from "./engine.js";
import { type CreateFixture, type SuiteTest, suiteTests } from "./suite-tests.js";

/** An empty table for a test of what only DynamoDB does. */
export interface DynamoDbPlace {
  readonly table: string;
  /** Through the mutator. @param before - what happens before a request is sent */
  client(before?: Before): DynamoDBClient;
  /** Not through it. */
  readonly direct: DynamoDBClient;
  open(options?: Partial<DynamoDbStoreOptions>): AnyStore;
}

export type InDynamoDb = (use: (place: DynamoDbPlace) => Promise<void>) => Promise<void>;

/** It takes the emulator seconds for every guard that lists; a test of DynamoDB's own makes as many jobs at once. */
const MAKES_MANY_JOBS = "list > finds the one that fits behind many that do not, however short its pages are";

/** The DynamoDB store on an emulator of its own. */
export function dynamodbEngine(more: (inDynamoDb: InDynamoDb) => readonly SuiteTest[]): Engine {
  const emulator = new Emulator();
  const mutator = new RequestMutator();
  setSwitches((condition) => mutator.forced(condition));
  const requests = new ChangedRequests(emulator.client, mutator);
  const create: CreateFixture = async () => {
    const table = await emulator.table();
    // The suite's callers share one clock, and it compares instants exactly: no margin between clocks.
    const open = (): AnyStore => inStep(dynamodbStore({ client: requests.client(), table, clockSkewMs: 0 }));
    return {
      store: open(),
      second: async () => open(),
      reopen: async () => open(),
      close: async () => {
        requests.end();
        await emulator.drop(table);
      },
    };
  };
  const inDynamoDb: InDynamoDb = async (use) => {
    const table = await emulator.table();
    try {
      const open = (options: Partial<DynamoDbStoreOptions> = {}) =>
        inStep(dynamodbStore({ client: requests.client(), table, clockSkewMs: 0, ...options }));
      const client = (before?: Before) => requests.client(before);
      await use({ table, client, direct: emulator.client, open });
    } finally {
      requests.end();
      await emulator.drop(table);
    }
  };
  const suite = suiteTests(create).filter(({ title }) => title !== MAKES_MANY_JOBS);
  return {
    mutator,
    tests: [...suite, ...more(inDynamoDb)],
    abandon: async () => {
      requests.end();
    },
    close: () => emulator.stop(),
  };
}

/** Spares the suite its waits for indexes: those of the emulator do not lag. */
function inStep(store: AnyStore): AnyStore {
  const capabilities = { ...store.capabilities, listIsConsistent: true };
  return new Proxy(store, {
    get(target, property) {
      if (property === "capabilities") return capabilities;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
