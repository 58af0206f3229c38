import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { Store, StoreRequest } from "../../src/core/ports/store.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";

describe("the memory store", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const store = memoryStore();
        return { store, close: () => store.close() };
      },
    },
  );
});

/** The memory store with a clock of its own, as a database has: what the caller says of the time is ignored. */
function storeWithClock(): Store {
  const inner = memoryStore();
  const own = <T extends StoreRequest>(request: T): T => ({ ...request, nowMs: Date.now() });
  return {
    capabilities: { ...inner.capabilities, clock: "server" },
    create: (request) => inner.create(own(request)),
    read: (request) => inner.read(own(request)),
    write: (request) => inner.write(own(request)),
    beat: (request) => inner.beat(own(request)),
    claim: (request) => inner.claim(own(request)),
    takeDue: (request) => inner.takeDue(own(request)),
    advance: (request) => inner.advance(own(request)),
    list: (request) => inner.list(own(request)),
    byRef: (request) => inner.byRef(own(request)),
    park: (request) => inner.park(own(request)),
    parked: (request) => inner.parked(own(request)),
    unpark: (request) => inner.unpark(own(request)),
    pulse: (request) => inner.pulse(own(request)),
    health: (request) => inner.health(own(request)),
    purge: (request) => inner.purge(own(request)),
    ready: () => inner.ready(),
    close: () => inner.close(),
  };
}

describe("a store with a clock of its own", () => {
  // The suite truly waits for such a store; here its timers come at once, and the clock with them.
  beforeAll(() => {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout"], now: 1_750_000_000_000 }).setTimerTickMode(
      "nextTimerAsync",
    );
  });
  afterAll(() => {
    vi.useRealTimers();
  });

  storeSuite(
    { describe, it },
    {
      async create() {
        const store = storeWithClock();
        return { store, close: () => store.close() };
      },
    },
  );
});
