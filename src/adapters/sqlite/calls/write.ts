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
const OWN: ReadonlySet<keyof RecordPatch> = new Set(["updatedAt", "finishedAt", "wakeAt", "purgeAt"]);

const JOBS = "with w as (select key, value from json_each(?))";

/** What must hold of the row; parameters in the order of `pushGuardValues`. */
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

/** One write: its statement, with what it may share with others of the same, and what is its own. */
interface Change {
  readonly id: string;
  readonly sql: string;
  readonly shared: readonly SqliteValue[];
  readonly own: readonly SqliteValue[];
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
    const own = JSON.stringify(Object.fromEntries(group.map((change) => [change.id, change.own])));
    const [{ sql, shared }] = group;
    for (const row of session.all(sql, own, ...shared)) written.add(String(row["id"]));
  }
  const stored = items.filter(({ id }) => written.has(id));
  replaceRefs(
    session,
    stored.flatMap(({ id, patch }) => (patch.awaiting === undefined ? [] : [[id, patch.awaiting] as const])),
  );
  writeOutputs(session, stored);
  return items.map((item) => {
    if (!written.has(item.id)) return refusal(session, item.id);
    return item.leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + item.leaseMs };
  });
}

type Group = [Change, ...Change[]];

/** Those that differ in what is their own alone. */
function groupsOf(items: readonly WriteItem[], nowMs: number): readonly Group[] {
  const groups: Group[] = [];
  for (const item of items) {
    const change = changeOf(item, nowMs);
    const group = groups.find(([first]) => isAlike(first, change));
    if (group === undefined) groups.push([change]);
    else group.push(change);
  }
  return groups;
}

function isAlike(one: Change, other: Change): boolean {
  return one.sql === other.sql && one.shared.every((value, index) => value === other.shared[index]);
}

/** The texts follow from which fields a patch has: one for each command that the core knows. */
const statements = new Map<string, string>();

function changeOf(item: WriteItem, nowMs: number): Change {
  const { id, patch: given, history, leaseMs } = item;
  const patch = leaseMs === undefined ? given : { ...given, leaseUntil: nowMs + leaseMs };
  const replaces = "replace" in history;
  const shared: SqliteValue[] = [];
  const own: SqliteValue[] = [replaces ? history.replace : history.append];
  let shape = replaces ? "=" : history.append === "" ? "" : "+";
  PATCHABLE.forEach(([field, { codec, at }]) => {
    const value = patch[field];
    if (value === undefined) return;
    shape += String.fromCharCode(FIRST_CHARACTER + at);
    (OWN.has(field) ? own : shared).push(encodeField(codec, value));
  });
  let sql = statements.get(shape);
  if (sql === undefined) statements.set(shape, (sql = statementOf(patch, shape)));
  pushGuardValues(shared, item, nowMs);
  return { id, sql, shared, own };
}

/** Columns are letters of a shape. */
const FIRST_CHARACTER = "A".charCodeAt(0);

/** The first parameter is what is each one's own. */
function statementOf(patch: WriteItem["patch"], shape: string): string {
  const assigned: string[] = [];
  let own = 1;
  for (const [field, { name }] of PATCHABLE) {
    if (patch[field] === undefined) continue;
    assigned.push(`${name} = ${OWN.has(field) ? `json_extract(w.value, '$[${own++}]')` : "?"}`);
  }
  if (shape.startsWith("=")) assigned.push(REPLACE);
  else if (shape.startsWith("+")) assigned.push(APPEND);
  return `${JOBS} update waybill_job set ${assigned.join(", ")} from w where ${GUARD} returning id`;
}

function pushGuardValues(values: SqliteValue[], { guard }: WriteItem, nowMs: number): void {
  const token = guard.token === null ? null : encodeText(guard.token);
  const lease = guard.expiredLease ?? null;
  values.push(guard.status, guard.version, token, guard.dispatch ?? null, lease, lease, nowMs);
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
