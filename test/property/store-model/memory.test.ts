import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import type { Store } from "../../../src/core/ports/store.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import { modelProperty, storeModel } from "./store-model.js";

/** The memory store, with every reply counted by what it said. */
function counting(counts: Map<string, number>): Store {
  return interceptStore(memoryStore(), async (method, _items, call) => {
    const reply = await call();
    for (const what of saidBy(method, reply as Said)) counts.set(what, (counts.get(what) ?? 0) + 1);
    return reply;
  });
}

interface Said {
  readonly results?: readonly { readonly status: string; readonly wake?: string }[];
  readonly jobs?: readonly unknown[] | number;
  readonly claimed?: readonly unknown[];
  readonly messages?: readonly unknown[];
}

function saidBy(
  method: string,
  { results = [], jobs = [], claimed = [], messages = [] }: Said,
): readonly string[] {
  const some = (typeof jobs === "number" ? jobs : jobs.length) + messages.length;
  return [
    ...results.map(({ status, wake = "" }) => `${method} ${status} ${wake}`.trim()),
    ...(some > 0 ? [`${method} some`] : []),
    ...(claimed.length > 0 ? [`${method} and claim`] : []),
  ];
}

/** What rows of calls must have met, or their agreement says little. */
const LEAST: Readonly<Record<string, number>> = {
  "create created": 500,
  "create existing": 500,
  "write ok": 500,
  "write refused": 500,
  "write gone": 20,
  "write and claim": 100,
  "beat ok": 100,
  "beat refused": 100,
  "beat gone": 5,
  "claim ok": 300,
  "claim refused": 300,
  "claim gone": 5,
  "claim some": 100,
  "advance ok written": 150,
  "advance ok kept": 150,
  "advance gone": 5,
  "takeDue some": 80,
  "purge some": 30,
  "list some": 100,
  "byRef some": 5,
  "parked some": 50,
};

describe("the memory store, its own model", () => {
  storeModel(async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  });

  it("meets every kind of reply, often, in rows of calls", async () => {
    const counts = new Map<string, number>();
    const property = modelProperty(async () => {
      const store = counting(counts);
      return { store, close: () => store.close() };
    });
    await fc.assert(property, { numRuns: 200, seed: 1 });
    for (const [what, least] of Object.entries(LEAST)) {
      expect(counts.get(what) ?? 0, what).toBeGreaterThanOrEqual(least);
    }
  });
});
