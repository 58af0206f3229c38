import { WaybillError } from "../../../core/errors/errors.js";
import type { PostgresClient, Row } from "./client.js";
import { inTurn } from "./in-turn.js";
import { isMadeOfPool } from "./made-of-pool.js";
import { isPool } from "../listen/pool-listener.js";

/** Names as columns have them, a number, a text and an absent value: what every answer is read by. */
const SAMPLE = "select 7::bigint as waybill_number, 'text' as waybill_text, null::text as waybill_null";

/** Those that have answered as a client must. Transactions of one connection are often one object. */
const known = new WeakSet<PostgresClient>();

/** @throws WaybillError `config.invalid` when it is none: `query` is what tells clients of Postgres from others */
export function checkClient(what: string, client: unknown): void {
  const isObject = (typeof client === "object" || typeof client === "function") && client !== null;
  if (isObject && typeof (client as { readonly query?: unknown }).query === "function") return;
  throw invalid(
    `${what} is no Postgres client: it has no query. Pass a Pool or Client of pg, fromPostgresJs(sql) or a PGlite; ` +
      "of an ORM or a query builder pass the client that it was made with.",
  );
}

/** @throws WaybillError `config.invalid` */
export function checkListener(listen: unknown): void {
  const { listen: channels, on } = (listen ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof channels === "function" || typeof on === "function") return;
  throw invalid(
    "listen must be a connection that hears notifications: a Client of pg, or what listenOnPg returns.",
  );
}

/** @throws WaybillError `config.invalid` also for a pool: each of its statements runs on any connection, in no transaction */
export function checkTransaction(tx: unknown): void {
  checkClient("tx", tx);
  if (!isPool(tx as object) && !isMadeOfPool(tx as object)) return;
  throw invalid(
    "tx is a pool, which runs each statement outside of your transaction: pass the client that pool.connect() gave you and " +
      "that you began the transaction on, or fromPostgresJs of the sql that sql.begin gave you.",
  );
}

/**
 * Makes sure, before the first statement that writes, that a client's answers can be read: afterwards nobody would know what
 * the statement did. One trip in the life of a client.
 *
 * @throws WaybillError `config.invalid` when it renames columns, gives rows in another form or does not answer with rows
 */
export async function judgeClient(client: PostgresClient): Promise<void> {
  if (known.has(client)) return;
  const rows = rowsOf(await inTurn(client, () => client.query(SAMPLE, [])));
  const [row] = rows;
  const isRow = rows.length === 1 && typeof row === "object" && !Array.isArray(row);
  if (!isRow) throw invalid("The client of the Postgres store does not answer with rows as objects.");
  if (!("waybill_number" in row)) {
    throw invalid(
      "The client of the Postgres store renames columns: pass one without a transform or a plugin that does.",
    );
  }
  const { waybill_number: number, waybill_text: text, waybill_null: nothing } = row;
  if (Number(number) !== 7 || text !== "text" || nothing !== null) {
    throw invalid("The client of the Postgres store changes the values of rows.");
  }
  known.add(client);
}

/** @throws WaybillError `config.invalid` where there are none */
export function rowsOf(answer: unknown): readonly Row[] {
  const rows = (answer as { readonly rows?: unknown } | null | undefined)?.rows;
  if (Array.isArray(rows)) return rows as readonly Row[];
  throw invalid(
    "The client of the Postgres store does not answer with { rows }: pass a Pool or Client of pg, fromPostgresJs(sql) or a " +
      "PGlite.",
  );
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}
