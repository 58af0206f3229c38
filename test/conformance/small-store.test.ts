import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { storeSuite } from "waybill/testing";
import { openJournal } from "../../examples/small-store/journal.js";
import { smallStore } from "../../examples/small-store/small-store.js";

describe("the small store on a journal", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const folder = await mkdtemp(join(tmpdir(), "small-store-"));
        let journal = await openJournal(folder);
        return {
          store: smallStore(journal),
          spoil: async (id) => {
            await journal.commit({ checks: new Map(), changes: new Map([[`job/${id}`, "not a row"]]) });
          },
          reopen: async () => {
            await journal.close();
            journal = await openJournal(folder);
            return smallStore(journal);
          },
          close: async () => {
            await journal.close();
            await rm(folder, { recursive: true });
          },
        };
      },
    },
  );
});
