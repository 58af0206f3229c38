import type { Awaiting } from "../../../core/job/record.js";
import type { Session } from "../connection.js";
import { encodeText } from "../rows/text.js";

const DELETE_REFS =
  "delete from waybill_ref where seq in (select seq from waybill_job where id in (select value from json_each(?)))";

const INSERT_REF =
  "insert into waybill_ref (kind, ref_key, seq) select kind, ?, seq from waybill_job where id = ? on conflict do nothing";

/** Makes the keys of jobs those of what each awaits. */
export function replaceRefs(
  session: Session,
  jobs: readonly (readonly [id: string, awaiting: Awaiting | null])[],
): void {
  if (jobs.length === 0) return;
  session.run(DELETE_REFS, JSON.stringify(jobs.map(([id]) => id)));
  for (const [id, awaiting] of jobs) if (awaiting !== null) addRefs(session, id, awaiting.refKeys);
}

export function addRefs(session: Session, id: string, refKeys: readonly string[]): void {
  for (const key of refKeys) session.run(INSERT_REF, encodeText(key), id);
}
