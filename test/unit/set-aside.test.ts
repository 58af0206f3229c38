import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { createRuntime } from "../../src/core/engine/compose/runtime.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { mailKind, recordingLogger } from "../support/engine.js";

describe("records that cannot be read", () => {
  it("are put aside in calls that the store takes, and one call that fails forgets its own only", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const parked: number[] = [];
    const ids = ["a", "b", "c", "d", "e"];
    let isBroken = true;
    const small: AnyStore = {
      ...interceptStore(store, (_method, _items, call) => call()),
      capabilities: { ...store.capabilities, maxBatch: 2 },
      list: async ({ nowMs }) => ({ nowMs, jobs: [], next: null, unreadable: ids }),
      async park(request) {
        parked.push(request.messages.length);
        if (isBroken && request.messages.some(({ body }) => body === "c")) throw new Error("broken");
        return store.park(request);
      },
    };
    const { logger } = recordingLogger();
    const { core } = createRuntime({ jobs: [mailKind], store: small, logger, clock });
    const list = () =>
      clock.runUntil(core.gateway.call("list", (to, request) => to.list({ ...request, limit: 10 })));
    await list();
    await clock.settle();
    expect(parked).toEqual([2, 2, 1]);
    isBroken = false;
    await list();
    await clock.settle();
    expect(parked).toEqual([2, 2, 1, 2]);
    const { messages } = await store.parked({ nowMs: clock.now(), limit: 10 });
    expect(messages.map(({ body }) => body).sort()).toEqual(ids);
  });
});
