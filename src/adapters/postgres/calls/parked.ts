import type {
  ParkedReply,
  ParkedRequest,
  ParkRequest,
  StoreReply,
  StoreRequest,
} from "../../../core/ports/store.js";
import { numberOf, textOf } from "../rows/codec.js";
import type { Session } from "../client/session.js";
import { batch, CLOCK, rowsOf } from "../client/statement.js";
import { decodeText, encodeText } from "../rows/text.js";

const MESSAGE = "id text, queue text, body text, reason text, at bigint";

/** By id: those who park the same messages wait for each other in one order. */
const parkStatement = (parked: string): string =>
  `with ${CLOCK}, ${rowsOf(1, MESSAGE)}, stored as (insert into ${parked} (id, queue, body, reason, at) ` +
  "select id, queue, body, reason, at from w order by id on conflict do nothing) select clock.ms as now_ms from clock";

const parkedStatement = (parked: string): string =>
  `with ${CLOCK} select clock.ms as now_ms, r.* from clock left join (select id, queue, body, reason, at from ${parked} ` +
  "where id > $1::text order by id limit $2::text::bigint) r on true order by r.id";

const unparkStatement = (parked: string): string =>
  `with ${CLOCK}, gone as (delete from ${parked} where id in (select json_array_elements_text($1::text::json))) ` +
  "select clock.ms as now_ms from clock";

export async function park(session: Session, { nowMs, messages }: ParkRequest): Promise<StoreReply> {
  const encoded = messages.map(({ id, queue, body, reason, at }) => ({
    id: encodeText(id),
    queue: encodeText(queue),
    body: encodeText(body),
    reason: encodeText(reason),
    at,
  }));
  const [row] = await session.run(parkStatement(session.names.parked), [batch(encoded)], "writes");
  return { nowMs: row === undefined ? nowMs : numberOf(row, "now_ms") };
}

export async function parkedMessages(
  session: Session,
  { nowMs, limit, after }: ParkedRequest,
): Promise<ParkedReply> {
  const params = [after === undefined ? "" : encodeText(after), String(limit)];
  const rows = await session.run(parkedStatement(session.names.parked), params, "reads");
  return {
    nowMs: rows[0] === undefined ? nowMs : numberOf(rows[0], "now_ms"),
    messages: rows
      .filter((row) => row["id"] !== null)
      .map((row) => ({
        id: decodeText(textOf(row, "id")),
        queue: decodeText(textOf(row, "queue")),
        body: decodeText(textOf(row, "body")),
        reason: decodeText(textOf(row, "reason")),
        at: numberOf(row, "at"),
      })),
  };
}

export async function unpark(
  session: Session,
  { nowMs, ids }: StoreRequest & { readonly ids: readonly string[] },
): Promise<StoreReply> {
  const [row] = await session.run(unparkStatement(session.names.parked), [JSON.stringify(ids)], "writes");
  return { nowMs: row === undefined ? nowMs : numberOf(row, "now_ms") };
}
