import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqliteDatabase } from "../../src/sqlite.js";

/** A connection as every driver gives it. */
export interface OpenDatabase extends SqliteDatabase {
  close(): unknown;
}

type Constructor = new (path: string) => OpenDatabase;

// `require`, not `import`: bundlers take the prefix off `node:sqlite`, and a driver may be installed elsewhere (NODE_PATH).
const load = createRequire(import.meta.url);

/** `npm run test:drivers` runs the same tests on the others. */
export const DRIVER: string = process.env["SQLITE_DRIVER"] ?? "libsql";

export function openDatabase(path: string): OpenDatabase {
  const loaded = load(DRIVER) as Constructor & { readonly DatabaseSync?: Constructor };
  return new (loaded.DatabaseSync ?? loaded)(path);
}

/** A directory for the files of one test, removed by `remove`. */
export function temporaryFile(): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "waybill-sqlite-"));
  return {
    path: join(directory, "jobs.db"),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
