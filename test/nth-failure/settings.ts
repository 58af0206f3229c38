import { type Cut, CUTS } from "./cut-network.js";

/** `NTH_FAILURE=full` breaks every call in every way; without it, in the ways that differ most. */
const FULL = process.env["NTH_FAILURE"] === "full";

/** What they leave out differs from another only in how long the caller waits. */
const ON_MEMORY: readonly Cut[] = CUTS.filter((cut) => cut !== "hang_applied" && cut !== "request_lost");
const ON_SQLITE: readonly Cut[] = ["response_lost", "outage", "crash_after"];

export const MEMORY_CUTS = FULL ? CUTS : ON_MEMORY;
export const SQLITE_CUTS = FULL ? CUTS : ON_SQLITE;

/** A real server takes ten times as long for a case: every fifth call, in one way each, by turns. */
export const POSTGRES_SAMPLE_EVERY: number | undefined = FULL ? undefined : 5;
