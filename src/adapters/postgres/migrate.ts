import { StoreNotMigratedError, WaybillError } from "../../core/errors/errors.js";
import { namesOf } from "./names.js";
import { migrationStatement, SCHEMA_VERSION } from "./schema.js";
import type { Session } from "./client/session.js";

/**
 * What `migrate()` runs, to be run by hand or by another tool, by a role that may create: one statement, which may be run
 * again at any time.
 *
 * @throws WaybillError `config.invalid` when the schema's name is not usable
 */
export function postgresMigrationSql(schema = "waybill"): string {
  return `${migrationStatement(namesOf(schema))};\n`;
}

/** Brings the schema up to this version. @throws StoreNotMigratedError when it is newer; `config.invalid` as `ready` */
export async function migrate(session: Session): Promise<void> {
  await checkEncoding(session);
  await session.run(migrationStatement(session.names), [], "writes");
  await checkSchema(session);
}

/** Any other encoding lacks characters, and a job whose output holds one could never end. */
async function checkEncoding(session: Session): Promise<void> {
  const [row] = await session.run("select current_setting('server_encoding') as encoding", [], "reads");
  const encoding = row?.["encoding"];
  if (encoding === "UTF8") return;
  throw new WaybillError(
    "config.invalid",
    `The database of the Postgres store is encoded as ${String(encoding)}, which does not hold every text: it must be UTF8.`,
  );
}

/**
 * @throws StoreNotMigratedError when the schema is missing, older or newer
 * @throws WaybillError `config.invalid` when the database's encoding cannot hold every text
 */
export async function checkSchema(session: Session): Promise<void> {
  await checkEncoding(session);
  const sql = `select coalesce(max(version), 0) as version from ${session.names.migration}`;
  const [row] = await session.run(sql, [], "reads");
  const version = Number(row?.["version"]);
  if (version === SCHEMA_VERSION) return;
  const age = version < SCHEMA_VERSION ? "older" : "newer";
  throw new StoreNotMigratedError(
    `The Postgres schema is at ${version}, which is ${age} than ${SCHEMA_VERSION} of this version of Waybill.`,
  );
}
