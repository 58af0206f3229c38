import { rmSync } from "node:fs";
import Database from "libsql";
import { sqliteStore } from "../../src/sqlite.js";
import type { Contestant, Place } from "../lib/contestant.js";
import { waybillOn } from "./waybill.js";

/** With its default durability: every commit is synced. */
export async function open(place: Place): Promise<Contestant> {
  const file = `${place["folder"] ?? "."}/waybill.db`;
  if (place["fresh"] === "true") for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  const db = new Database(file);
  const store = sqliteStore({ db });
  return waybillOn({
    store,
    prepare: async () => {
      await store.ready();
    },
    done: async () => {
      const row = db.prepare("select count(*) as n from job where status = 'COMPLETED'").get([]) as {
        readonly n: number;
      };
      return row.n;
    },
    close: async () => {
      db.close();
    },
  });
}
