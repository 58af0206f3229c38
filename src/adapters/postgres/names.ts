import { WaybillError } from "../../core/errors/errors.js";

/** Lower case only, so that it is the same name with and without quotes; short enough for the channel made from it. */
const SCHEMA_PATTERN = /^[a-z_][a-z0-9_]{0,49}$/;

/** What the store's objects are called in SQL. */
export interface Names {
  readonly schema: string;
  readonly job: string;
  readonly parked: string;
  readonly pulse: string;
  readonly migration: string;
  /** For notifications: everything of a database shares its channels. */
  readonly channel: string;
}

/** @throws WaybillError `config.invalid`: identifiers cannot be parameters, so only harmless ones are taken */
export function namesOf(schema: string): Names {
  if (typeof schema !== "string" || !SCHEMA_PATTERN.test(schema) || schema.startsWith("pg_")) {
    throw new WaybillError(
      "config.invalid",
      "The schema of the Postgres store must match [a-z_][a-z0-9_]{0,49} and not begin with pg_.",
    );
  }
  const inSchema = (table: string): string => `"${schema}".${table}`;
  return {
    schema,
    job: inSchema("job"),
    parked: inSchema("parked"),
    pulse: inSchema("pulse"),
    migration: inSchema("migration"),
    // Without a colon: PGlite listens to a name without quoting it.
    channel: `waybill_${schema}`,
  };
}
