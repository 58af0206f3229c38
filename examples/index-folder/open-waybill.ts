import Database from "libsql";
import { createWaybill, type Waybill } from "waybill";
import { sqliteStore } from "waybill/sqlite";
import { documentIndex } from "./document-index.job.js";

export type IndexWaybill = Waybill<typeof documentIndex>;

/** Every process opens the same file; the store is the queue. */
export function openWaybill(file: string): {
  readonly waybill: IndexWaybill;
  readonly close: () => Promise<void>;
} {
  const db = new Database(file);
  const waybill = createWaybill({
    jobs: [documentIndex],
    store: sqliteStore({ db }),
    // Somebody is watching: look for crashed work twice a second.
    policy: { reconcileIdleMs: 500, reconcileBusyMs: 250, progressEveryMs: 100 },
  });
  return {
    waybill,
    close: async () => {
      await waybill.close();
      db.close();
    },
  };
}
