import { describe, it } from "vitest";
import { StoreUnavailableError } from "waybill";
import { storeSuite } from "waybill/testing";
import type { Engine } from "../../examples/small-store/engine.js";
import { smallStore } from "../../examples/small-store/small-store.js";
import { sharedEngine } from "../support/shared-engine.js";

/** An engine whose next request, or the answer to its next change, can be lost. */
function failingEngine(engine: Engine): { readonly engine: Engine; failNext(how: "before" | "after"): void } {
  let failing: "before" | "after" | null = null;
  const fails = (how: "before" | "after"): boolean => {
    const isIt = failing === how;
    if (isIt) failing = null;
    return isIt;
  };
  const asked = async <T>(request: () => Promise<T>): Promise<T> => {
    if (fails("before"))
      throw new StoreUnavailableError("There is no connection.", { outcome: "not_applied" });
    return request();
  };
  return {
    engine: {
      ...engine,
      get: (keys) => asked(() => engine.get(keys)),
      scan: (range) => asked(() => engine.scan(range)),
      commit: (commit) =>
        asked(async () => {
          const isDone = await engine.commit(commit);
          if (fails("after"))
            throw new StoreUnavailableError("The connection broke.", { outcome: "unknown" });
          return isDone;
        }),
    },
    failNext(how) {
      failing = how;
    },
  };
}

describe("the small store on an engine that several handles share", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        let pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
        const { engine, failNext } = failingEngine(sharedEngine({ pause: () => pause() }));
        const store = smallStore(engine);
        return {
          store,
          second: async () => smallStore(engine),
          spoil: async (id) => {
            await engine.commit({ checks: new Map(), changes: new Map([[`job/${id}`, "not a row"]]) });
          },
          interleave: (by) => {
            pause = by;
          },
          failNext,
          close: () => store.close(),
        };
      },
    },
  );
});
