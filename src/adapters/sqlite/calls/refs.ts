import type { Awaiting } from "../../../core/job/record.js";
import type { Session } from "../connection.js";
import { encodeText } from "../rows/text.js";

const DELETE_REFS = "delete from waybill_ref where seq in (select value from json_each(?))";

const INSERT_REF =
  "insert into waybill_ref (kind, ref_key, seq) select kind, ?, seq from waybill_job where id = ? on conflict do nothing";

/** What a job awaits from now on. */
export interface RefsOf {
  readonly id: string;
  readonly seq: number;
  readonly awaiting: Awaiting | null;
}

/** Makes the keys of jobs those of what each awaits. */
export function replaceRefs(session: Session, jobs: readonly RefsOf[]): void {
  if (jobs.length === 0) return;
  session.run(DELETE_REFS, JSON.stringify(jobs.map(({ seq }) => seq)));
  for (const { id, awaiting } of jobs) if (awaiting !== null) addRefs(session, id, awaiting.refKeys);
}

export function addRefs(session: Session, id: string, refKeys: readonly string[]): void {
  for (const key of refKeys) session.run(INSERT_REF, encodeText(key), id);
}
