import type { WriteItem, WriteResult } from "../../../core/ports/store.js";
import type { RecordPatch } from "../../../core/job/record.js";
import { encodeField } from "../rows/codec.js";
import { type Column, PATCH_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { SqliteValue } from "../driver.js";
import { refusal } from "./read.js";
import { replaceRefs } from "./refs.js";
import { encodeText } from "../rows/text.js";

const PATCHABLE = Object.entries(PATCH_COLUMNS) as readonly (readonly [keyof RecordPatch, Column])[];

/** What must hold of the row; parameters in the order of `guardValues`. */
const GUARD =
  "id = ? and status = ? and version = ? and token is ? and dispatch = coalesce(?, dispatch) " +
  "and (? is null or (lease_until = ? and lease_until <= ?))";

const APPEND = "history = case history when '' then ? else history || ',' || ? end";
const REPLACE = "history = ?";

const WRITE_OUTPUT =
  "update waybill_payload set output = ? where seq = (select seq from waybill_job where id = ?)";

/** Compare and set: whether the guard held is told by the number of rows changed, so success reads nothing. */
export function writeJob(session: Session, item: WriteItem, nowMs: number): WriteResult {
  const leaseUntil = item.leaseMs === undefined ? undefined : nowMs + item.leaseMs;
  const patch = leaseUntil === undefined ? item.patch : { ...item.patch, leaseUntil };
  const { assignments, values } = assign(patch, item.history);
  const sql = `update waybill_job set ${assignments} where ${GUARD}`;
  if (session.run(sql, ...values, ...guardValues(item, nowMs)) === 0) return refusal(session, item.id);
  if (patch.awaiting !== undefined) replaceRefs(session, item.id, patch.awaiting);
  if (item.output !== undefined) session.run(WRITE_OUTPUT, item.output, item.id);
  return leaseUntil === undefined ? { status: "ok" } : { status: "ok", leaseUntil };
}

/** The text follows from which fields a patch has: one prepared statement for each command that the core knows. */
function assign(
  patch: RecordPatch,
  history: WriteItem["history"],
): { readonly assignments: string; readonly values: readonly SqliteValue[] } {
  const assignments: string[] = [];
  const values: SqliteValue[] = [];
  for (const [field, column] of PATCHABLE) {
    const value = patch[field];
    if (value === undefined) continue;
    assignments.push(`${column.name} = ?`);
    values.push(encodeField(column.codec, value));
  }
  if ("replace" in history) {
    assignments.push(REPLACE);
    values.push(history.replace);
  } else if (history.append !== "") {
    assignments.push(APPEND);
    values.push(history.append, history.append);
  }
  return { assignments: assignments.join(", "), values };
}

function guardValues({ id, guard }: WriteItem, nowMs: number): readonly SqliteValue[] {
  const token = guard.token === null ? null : encodeText(guard.token);
  const lease = guard.expiredLease ?? null;
  return [id, guard.status, guard.version, token, guard.dispatch ?? null, lease, lease, nowMs];
}
