import type { ParkedMessage, ParkedRequest } from "../../../core/ports/store.js";
import type { Session } from "../connection.js";
import { decodeText, encodeText } from "../rows/text.js";

const PARK =
  "insert into waybill_parked (id, queue, body, reason, at) values (?, ?, ?, ?, ?) on conflict do nothing";

const PARKED = "select id, queue, body, reason, at from waybill_parked where id > ? order by id limit ?";

const UNPARK = "delete from waybill_parked where id = ?";

export function parkMessage(session: Session, { id, queue, body, reason, at }: ParkedMessage): void {
  session.run(PARK, id, encodeText(queue), encodeText(body), encodeText(reason), at);
}

export function parkedMessages(
  session: Session,
  { limit, after = "" }: ParkedRequest,
): readonly ParkedMessage[] {
  return session.all(PARKED, after, limit).map((row) => ({
    id: String(row["id"]),
    queue: decodeText(String(row["queue"])),
    body: decodeText(String(row["body"])),
    reason: decodeText(String(row["reason"])),
    at: Number(row["at"]),
  }));
}

export function unpark(session: Session, id: string): void {
  session.run(UNPARK, id);
}
