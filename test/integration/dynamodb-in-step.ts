import type { AnyStore } from "../../src/core/ports/store.js";
import { INDEXES_LAG } from "./dynamodb-server.js";

/** Spares a test its waits for indexes where the engine has none that lag. */
export function inStep(store: AnyStore): AnyStore {
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
