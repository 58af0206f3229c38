import { describe } from "vitest";
import { sqliteStore } from "../../../src/sqlite.js";
import { DRIVER, openDatabase } from "../../integration/sqlite-driver.js";
import { storeModel } from "./store-model.js";

describe(`the SQLite store on ${DRIVER}, against its model`, () => {
  storeModel(async () => {
    const db = openDatabase(":memory:");
    const store = sqliteStore({ db });
    return {
      store,
      async close() {
        await store.close();
        db.close();
      },
    };
  });
});
