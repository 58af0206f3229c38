import type { WriteItem, WriteResult } from "../../../core/ports/store.js";
import type { RecordPatch } from "../../../core/job/record.js";
import { encodeField } from "../rows/codec.js";
import type { Column } from "../rows/column.js";
import { PATCH_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { SqliteValue } from "../driver.js";
import { refusal } from "./read.js";
import { replaceRefs } from "./refs.js";
import { encodeText } from "../rows/text.js";

const PATCHABLE = Object.entries(PATCH_COLUMNS) as readonly (readonly [keyof RecordPatch, Column])[];

/** What nearly always differs between writes that are alike otherwise: it travels with each, all else once for all of them. */
const OWN: readonly (keyof RecordPatch)[] = ["updatedAt", "finishedAt", "wakeAt", "purgeAt"];

const JOBS = "from (select key, value from json_each(?)) as w";

/** What must hold of the row; parameters in the order of `guardValues`. */
const GUARD =
  "id = w.key and status = ? and version = ? and token is ? and dispatch = coalesce(?, dispatch) " +
  "and (? is null or (lease_until = ? and lease_until <= ?))";

const OWN_HISTORY = "json_extract(w.value, '$[0]')";
const APPEND = `history = case history when '' then ${OWN_HISTORY} else history || ',' || ${OWN_HISTORY} end`;
const REPLACE = `history = ${OWN_HISTORY}`;

const WRITE_OUTPUTS =
  "update waybill_payload set output = w.value from json_each(?) as w " +
  "where seq = (select seq from waybill_job where id = w.key)";

/** A longer one goes by itself: a batch of such texts would be in memory several times over. */
const LONG_OUTPUT = 16 * 1024;

/** Writes that one statement makes: of the same text, with the same parameters but for what each has of its own. */
interface Group {
  readonly sql: string;
  readonly shared: readonly SqliteValue[];
  readonly guard: readonly SqliteValue[];
  readonly items: { readonly item: WriteItem; readonly own: readonly SqliteValue[] }[];
}

/**
 * Compare and set. A statement takes all writes that are alike, since each crossing to the driver costs about as much as the
 * change itself, and answers with those whose guard held, so success reads nothing more.
 */
export function writeJobs(
  session: Session,
  items: readonly WriteItem[],
  nowMs: number,
): readonly WriteResult[] {
  // The second write of a job must see the first.
  if (new Set(items.map(({ id }) => id)).size < items.length && items.length > 1) {
    return items.flatMap((item) => writeJobs(session, [item], nowMs));
  }
  const written = new Set<string>();
  for (const group of groupsOf(items, nowMs)) {
    const { sql, shared, guard } = group;
    const own = JSON.stringify(Object.fromEntries(group.items.map((one) => [one.item.id, one.own])));
    for (const row of session.all(sql, ...shared, own, ...guard)) written.add(String(row["id"]));
  }
  const stored = items.filter(({ id }) => written.has(id));
  for (const { id, patch } of stored) {
    if (patch.awaiting !== undefined) replaceRefs(session, id, patch.awaiting);
  }
  writeOutputs(session, stored);
  return items.map((item) => {
    if (!written.has(item.id)) return refusal(session, item.id);
    return item.leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + item.leaseMs };
  });
}

function groupsOf(items: readonly WriteItem[], nowMs: number): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const item of items) {
    const { sql, shared, own } = assignments(item, nowMs);
    const guard = guardValues(item, nowMs);
    const alike = JSON.stringify([sql, shared, guard]);
    const group = groups.get(alike);
    if (group === undefined) groups.set(alike, { sql, shared, guard, items: [{ item, own }] });
    else group.items.push({ item, own });
  }
  return groups.values();
}

/** The text follows from which fields a patch has: one prepared statement for each command that the core knows. */
function assignments(
  { patch: given, history, leaseMs }: WriteItem,
  nowMs: number,
): { readonly sql: string; readonly shared: readonly SqliteValue[]; readonly own: readonly SqliteValue[] } {
  const patch = leaseMs === undefined ? given : { ...given, leaseUntil: nowMs + leaseMs };
  const assigned: string[] = [];
  const shared: SqliteValue[] = [];
  const own: SqliteValue[] = ["replace" in history ? history.replace : history.append];
  for (const [field, { name, codec }] of PATCHABLE) {
    const value = patch[field];
    if (value === undefined) continue;
    const encoded = encodeField(codec, value);
    if (OWN.includes(field)) {
      assigned.push(`${name} = json_extract(w.value, '$[${own.length}]')`);
      own.push(encoded);
    } else {
      assigned.push(`${name} = ?`);
      shared.push(encoded);
    }
  }
  if ("replace" in history) assigned.push(REPLACE);
  else if (history.append !== "") assigned.push(APPEND);
  return {
    sql: `update waybill_job set ${assigned.join(", ")} ${JOBS} where ${GUARD} returning id`,
    shared,
    own,
  };
}

function guardValues({ guard }: WriteItem, nowMs: number): readonly SqliteValue[] {
  const token = guard.token === null ? null : encodeText(guard.token);
  const lease = guard.expiredLease ?? null;
  return [guard.status, guard.version, token, guard.dispatch ?? null, lease, lease, nowMs];
}

function writeOutputs(session: Session, stored: readonly WriteItem[]): void {
  let together: (readonly [id: string, output: string])[] = [];
  const flush = (): void => {
    session.run(WRITE_OUTPUTS, JSON.stringify(Object.fromEntries(together)));
    together = [];
  };
  for (const { id, output } of stored) {
    if (output === undefined) continue;
    together.push([id, output]);
    if (output.length > LONG_OUTPUT) flush();
  }
  if (together.length > 0) flush();
}
