import { StoreNotMigratedError, StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { AnyStore, Store } from "../../../src/core/ports/store.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import type { StoreFixture } from "../../../src/testing/store-suite/store-suite.js";
import { Place, plainStore } from "./plain-store.js";
import type { StoreBug } from "./store-bug.js";

/** A call on an engine that may fail, and says so honestly. */
async function onEngine<T>(place: Place, method: string, call: () => Promise<T>): Promise<T> {
  const { failing } = place;
  if (failing === "unmigrated") {
    if (method === "ready") throw new StoreNotMigratedError("There is no schema.");
    throw new StoreUnavailableError("There is no schema.", { outcome: "not_applied" });
  }
  place.failing = null;
  if (failing === "before")
    throw new StoreUnavailableError("There is no connection.", { outcome: "not_applied" });
  const reply = await call();
  if (failing === "after") throw new StoreUnavailableError("The connection broke.", { outcome: "unknown" });
  return reply;
}

/** A place behind a store with this bug, or with none. */
export async function fixtureOf(bug: StoreBug | null): Promise<StoreFixture> {
  const place = new Place();
  const clock = bug?.clock ?? "caller";
  let pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const open = (): AnyStore => {
    const inner = plainStore(place, clock);
    // Methods of their own: a bug replaces some of them.
    const store: Store = {
      ...interceptStore(inner, (method, _items, call) => onEngine(place, method, call)),
    };
    return { ...store, ...bug?.make({ place, inner: { ...store }, pause: () => pause() }) };
  };
  return {
    store: open(),
    second: async () => open(),
    reopen: async () => open(),
    crash: async () => {
      place.crash();
      return open();
    },
    failNext: (how) => {
      place.failing = how;
    },
    spoil: async (id) => {
      place.spoilt.add(id);
    },
    unmigrated: async () => {
      place.failing = "unmigrated";
      return open();
    },
    ...(clock === "server" ? { advance: async (ms: number) => void (place.serverNowMs += ms) } : {}),
    interleave: (by) => {
      pause = by;
    },
    close: async () => undefined,
  };
}
