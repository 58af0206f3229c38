import { describe, it } from "vitest";
import { storeSuite } from "waybill/testing";
import { smallStore } from "../../examples/small-store/small-store.js";
import { sharedEngine } from "../support/shared-engine.js";

describe("the small store on an engine that several handles share", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const engine = sharedEngine();
        const store = smallStore(engine);
        return { store, second: async () => smallStore(engine), close: () => store.close() };
      },
    },
  );
});
