import { StoreNotMigratedError, StoreUnavailableError, WaybillError } from "../../core/errors/errors.js";
import { BLOCKING_WAIT_MS, type Connection, type Session } from "./connection.js";
import { sqliteCode } from "./driver.js";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.js";

/** `full`: synced at every commit. `normal`: synced at checkpoints; a power cut may take the last commits with it. */
export type SqliteDurability = "full" | "normal";

/**
 * Makes the connection fit for use: looks whose file it is before anything is written, then sets the journal, and gives
 * an empty file its tables. Several processes may do so at once.
 */
export async function open(connection: Connection, durability: SqliteDurability): Promise<void> {
  const found = await connection
    .configure((session) => {
      session.exec(`pragma busy_timeout = ${BLOCKING_WAIT_MS}`);
    })
    .then(() => connection.write(inspect))
    .catch(notADatabase);
  await connection.configure((session) => {
    configure(session, durability);
  });
  if (found === "waybill") return;
  await connection.write((session) => {
    // Another process may have been first.
    if (inspect(session) === "empty") session.exec(SCHEMA);
  });
}

/** In a transaction, so that the three answers are of one moment. */
function inspect(session: Session): "waybill" | "empty" {
  const application = pragma(session, "application_id");
  const version = pragma(session, "user_version");
  if (application === APPLICATION_ID) {
    if (version === SCHEMA_VERSION) return "waybill";
    const age = version < SCHEMA_VERSION ? "older" : "newer";
    throw new StoreNotMigratedError(
      `The SQLite file has schema ${version}, which is ${age} than schema ${SCHEMA_VERSION} of this version of Waybill.`,
    );
  }
  const [objects] = session.all("select count(*) as count from sqlite_schema");
  if (application === 0 && version === 0 && Number(objects?.["count"]) === 0) return "empty";
  throw new StoreNotMigratedError(
    "The SQLite file holds tables of another application; Waybill needs a file of its own and wrote nothing to this one.",
  );
}

function configure(session: Session, durability: SqliteDurability): void {
  const [journal] = session.all("pragma journal_mode = wal");
  const mode = journal?.["journal_mode"];
  // A database in memory has no log to write ahead.
  if (mode !== "wal" && mode !== "memory") {
    throw new WaybillError(
      "config.invalid",
      "The SQLite file cannot use write-ahead logging where it is kept.",
    );
  }
  // Said outright: drivers are compiled with different defaults.
  session.exec(`pragma synchronous = ${durability}`);
}

function pragma(session: Session, name: "application_id" | "user_version"): number {
  return Number(session.all(`pragma ${name}`)[0]?.[name]);
}

function notADatabase(error: unknown): never {
  if (error instanceof StoreUnavailableError && sqliteCode(error.cause) === "NOTADB") {
    throw new StoreNotMigratedError(
      "The file is not a SQLite database, or it is encrypted with another key.",
    );
  }
  throw error;
}
