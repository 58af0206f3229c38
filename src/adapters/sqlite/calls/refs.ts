import type { Awaiting } from "../../../core/job/record.js";
import type { Session } from "../connection.js";
import { encodeText } from "../rows/text.js";

const DELETE_REFS = "delete from waybill_ref where seq = (select seq from waybill_job where id = ?)";

const INSERT_REF =
  "insert into waybill_ref (kind, ref_key, seq) select kind, ?, seq from waybill_job where id = ? on conflict do nothing";

/** Makes the keys of a job those of what it awaits. */
export function replaceRefs(session: Session, id: string, awaiting: Awaiting | null): void {
  session.run(DELETE_REFS, id);
  if (awaiting !== null) addRefs(session, id, awaiting.refKeys);
}

export function addRefs(session: Session, id: string, refKeys: readonly string[]): void {
  for (const key of refKeys) session.run(INSERT_REF, encodeText(key), id);
}
