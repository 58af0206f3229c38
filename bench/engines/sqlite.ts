import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import type { Engine } from "../lib/engine.js";

const ahead = { concurrency: 50, ahead: 200, alert: false };

export const sqlite: Engine = {
  name: "sqlite",
  embedded: true,
  shared: true,
  steadyPerSecond: 300,
  share: 1,
  entries: [
    {
      name: "waybill",
      contestant: "waybill-sqlite",
      role: "waybill",
      measures: ["submit", "process", "strict", "open", "alone", "single", "steady"],
      slowIn: [],
      ahead,
    },
    {
      name: "raw floor",
      contestant: "sqlite-floor",
      role: "floor",
      measures: ["submit", "process", "strict", "open", "alone", "single", "steady"],
      slowIn: [],
      ahead,
    },
  ],
  start: async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-bench-sqlite-"));
    const db = new Database(":memory:");
    const { version } = db.prepare("select sqlite_version() as version").get([]) as {
      readonly version: string;
    };
    db.close();
    return {
      place: { folder, fresh: "true" },
      about: `libsql, SQLite ${version}, WAL, synchronous = full`,
      meter: async () => ({}),
      calm: async () => undefined,
      settle: null,
      stop: async () => {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};
