import { describe, it } from "vitest";
import type { AnyStore } from "../../src/core/ports/store.js";
import { sqliteStore } from "../../src/sqlite.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { DRIVER, openDatabase, temporaryFile } from "../integration/sqlite-driver.js";

describe(`the SQLite store on ${DRIVER}`, () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const file = temporaryFile();
        const opened: { readonly db: { close(): unknown }; readonly store: AnyStore }[] = [];
        const open = (): AnyStore => {
          const db = openDatabase(file.path);
          const store = sqliteStore({ db });
          opened.push({ db, store });
          return store;
        };
        const closeAll = async (): Promise<void> => {
          for (const { db, store } of opened.splice(0)) {
            await store.close();
            db.close();
          }
        };
        return {
          store: open(),
          second: async () => open(),
          spoil: async (id) => {
            const db = openDatabase(file.path);
            db.exec(`update waybill_job set metadata = '{' where id = '${id}'`);
            db.close();
          },
          reopen: async () => {
            await closeAll();
            return open();
          },
          close: async () => {
            await closeAll();
            file.remove();
          },
        };
      },
    },
  );
});
