import { join } from "node:path";
import { sqliteStore } from "waybill/sqlite";
import { openDatabase } from "../integration/sqlite-driver.js";
import { PACE } from "./pace.js";
import type { TortureStore } from "./torture-store.js";

/** One file, as many processes as there are. Nothing stands behind it that could be killed. */
export const sqliteTorture: TortureStore = {
  name: "sqlite",
  hasServer: false,
  pace: PACE,
  async start(folder) {
    return { address: join(folder, "jobs.db"), crash: null, stop: async () => undefined };
  },
  async open(path) {
    const db = openDatabase(path);
    const store = sqliteStore({ db });
    return {
      store,
      statement: (text) => {
        db.prepare(text).run();
      },
      close: async () => {
        await store.close();
        db.close();
      },
    };
  },
};
