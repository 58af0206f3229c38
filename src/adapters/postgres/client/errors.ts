import {
  isWaybillError,
  StoreNotMigratedError,
  StoreUnavailableError,
  WaybillError,
} from "../../../core/errors/errors.js";
import type { Outcome } from "../../../core/errors/error-codes.js";

/** What a statement may leave behind when it fails: nothing, where it only reads or the caller is to commit it. */
export type Effect = "reads" | "writes";

/** Codes for a connection that was never there, since nobody answered or TLS was refused: nothing can have been sent. */
const NEVER_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "CONNECT_TIMEOUT",
  "CONNECTION_ENDED",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Said before anything is sent, by pg without a code, by Node with that of a connection which breaks. */
const NEVER_SENT = new Set([
  "timeout exceeded when trying to connect",
  "Connection terminated due to connection timeout",
  "timeout expired",
  "The server does not support SSL connections",
  "There was an error establishing an SSL connection",
  "Client network socket disconnected before secure TLS connection was established",
  "Cannot use a pool after calling end on the pool",
  "Client was closed and is not queryable",
  "Client has encountered a connection error and is not queryable",
]);

/** With its classes spelt out: EPIPE has five letters too. */
const SQLSTATE = /^(\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

/** The server refused the connection itself: no such database, role or password, too many connections, starting up. */
const REFUSED_AT_THE_DOOR = /^(28|3D|53300|57P03)/;

/** The connection broke, or the server went down: it may have committed before. */
const IN_DOUBT = /^(08|57P)/;

const SENTENCES: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [/^42501/, "The role of the Postgres store lacks a grant."],
  [/^(28|3D)/, "Postgres refused the connection of the store: role, password or database."],
  [/^25006/, "Postgres is read-only here."],
  [/^25P02/, "The transaction has failed already: roll it back."],
  [
    /^(26000|42P05)/,
    "Postgres does not know a named statement of its connection: use none (fromPg, prepare) behind a pooler in transaction mode.",
  ],
  [/^53100/, "The disk under Postgres is full."],
  [/^53/, "Postgres has run out of connections or memory."],
  [/^(57014|55P03)/, "Postgres gave a statement of the store up: it waited or ran for too long."],
  [
    /^(40001|40P01)/,
    "Postgres rolled a statement of the store back again and again, for others that ran beside it.",
  ],
  [IN_DOUBT, "The connection to Postgres was lost."],
];

/** What a statement carried is refused at any time: nothing of it was written. */
const UNSTORABLE: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [/^(22P05|22021)/, "The encoding of the Postgres database lacks a character of a text."],
  [/^22/, "Postgres does not take a value of the store."],
  [/^(23502|23514)/, "A value that the Postgres store needs is missing."],
  [/^54/, "A text is too long for an index of the Postgres store."],
];

/** The SQLSTATE of what a driver threw; `null`: it does not come from the server. */
function sqlState(error: unknown): string | null {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" && SQLSTATE.test(code) ? code : null;
}

/** Rolled back as a whole by the server, because of what ran beside it: it may be sent again. */
export function isRolledBackForOthers(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/** A lock was waited for as long as the statement allows. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === "55P03";
}

/** What was thrown, as the port says it. The driver's own words stay in `cause`: they may quote SQL or values. */
export function explained(error: unknown, effect: Effect): unknown {
  if (isWaybillError(error)) return error;
  const state = sqlState(error);
  if (state !== null && /^(42P01|42703|3F000)/.test(state)) {
    return new StoreNotMigratedError("The tables of the Postgres store are missing, or of another version.");
  }
  const unstorable = UNSTORABLE.find(([pattern]) => pattern.test(state ?? ""));
  if (unstorable !== undefined) return new WaybillError("store.unstorable", unstorable[1], { cause: error });
  const outcome = effect === "reads" ? "not_applied" : outcomeOf(error, state);
  return new StoreUnavailableError(sentenceOf(error, state), { outcome, cause: error });
}

function outcomeOf(error: unknown, state: string | null): Outcome {
  if (state === null) return wasNeverSent(error) ? "not_applied" : "unknown";
  return IN_DOUBT.test(state) && !REFUSED_AT_THE_DOOR.test(state) ? "unknown" : "not_applied";
}

function wasNeverSent(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, syscall, message, errors } = error as Readonly<Record<string, unknown>>;
  // One for each address of a name.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(wasNeverSent);
  if (syscall === "connect" || syscall === "getaddrinfo") return true;
  if (typeof code === "string" && NEVER_CONNECTED.has(code)) return true;
  return typeof message === "string" && (NEVER_SENT.has(message) || message.startsWith("SASL: "));
}

function sentenceOf(error: unknown, state: string | null): string {
  if (state === null)
    return wasNeverSent(error) ? "Postgres could not be reached." : "The connection to Postgres was lost.";
  const known = SENTENCES.find(([pattern]) => pattern.test(state));
  return known?.[1] ?? "Postgres refused a statement of the store.";
}
