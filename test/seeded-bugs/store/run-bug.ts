import type { AnyStore, Store } from "../../../src/core/ports/store.js";
import type { StoreFixture } from "../../../src/testing/store-suite/store-suite.js";
import { interceptStore } from "../../../src/testing/intercept-store.js";
import { Place, plainStore } from "./plain-store.js";
import type { StoreBug } from "./store-bug.js";

/** A place behind a store with this bug, or with none. */
export async function fixtureOf(bug: StoreBug | null): Promise<StoreFixture> {
  const place = new Place();
  const clock = bug?.clock ?? "caller";
  let pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const open = (): AnyStore => {
    const inner = plainStore(place, clock);
    // Methods of their own: a bug replaces some of them.
    const store: Store = { ...interceptStore(inner, (_method, _items, call) => call()) };
    return { ...store, ...bug?.make({ place, inner: { ...store }, pause: () => pause() }) };
  };
  return {
    store: open(),
    second: async () => open(),
    reopen: async () => open(),
    ...(clock === "server"
      ? {
          advance: async (ms: number) => {
            place.serverNowMs += ms;
          },
        }
      : {}),
    interleave: (by) => {
      pause = by;
    },
    close: async () => undefined,
  };
}
