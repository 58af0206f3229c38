import type { WriteItem, WriteResult } from "../../../core/ports/store.js";
import type { RecordPatch } from "../../../core/job/record.js";
import { encodeField } from "../rows/codec.js";
import type { Column } from "../rows/column.js";
import { PATCH_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { SqliteValue } from "../driver.js";
import { refusal } from "./read.js";
import { type RefsOf, replaceRefs } from "./refs.js";
import { keyed, sendTexts } from "./texts.js";
import { encodeText } from "../rows/text.js";

const PATCHABLE = Object.entries(PATCH_COLUMNS) as readonly (readonly [keyof RecordPatch, Column])[];

/** What nearly always differs between writes that are alike otherwise. */
const INSTANTS: ReadonlySet<keyof RecordPatch> = new Set(["updatedAt", "finishedAt", "wakeAt", "purgeAt"]);

const NO_FIELDS: ReadonlySet<keyof RecordPatch> = new Set();

/**
 * Fewer writes of one instant share a statement with those of others: each then takes its instants out of JSON, which costs
 * half as much again as the change.
 */
const MANY_OF_AN_INSTANT = 8;

/**
 * The jobs that a guard holds for, as one text; parameters in the order of `guardValues`. `awaiting`: the job has keys of
 * external work. By key: no other index is looked into.
 */
const HELD =
  "select json_group_array(json_array(waybill_job.id, seq, awaiting is not null)) as held " +
  "from json_each(?) as w cross join waybill_job where waybill_job.id = w.value " +
  "and status = ? and version = ? and token is ? and dispatch = coalesce(?, dispatch) " +
  "and (? is null or (lease_until = ? and lease_until <= ?))";

const WRITE_OUTPUTS = "update waybill_payload set output = w.value from json_each(?) as w where seq = w.key";

type Held = readonly [id: string, seq: number, awaiting: 0 | 1];

/** A write whose guard held. */
interface Accepted {
  readonly item: WriteItem;
  readonly seq: number;
  readonly awaited: boolean;
}

/** One write: its statement, with what it may share with others of the same, and what is its own. */
interface Change {
  readonly seq: number;
  readonly sql: string;
  readonly shared: readonly SqliteValue[];
  readonly own: string | readonly SqliteValue[];
}

/**
 * Compare and set: guards are compared under the write lock, so what they hold for cannot change before it is written. A
 * statement takes all writes that are alike, since each crossing to the driver costs more than the change itself.
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
  const held = heldOf(session, items, nowMs);
  const accepted: Accepted[] = [];
  const results = items.map((item): WriteResult => {
    const found = held.get(item.id);
    if (found === undefined) return refusal(session, item.id);
    accepted.push({ item, seq: found[1], awaited: found[2] === 1 });
    return item.leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + item.leaseMs };
  });
  for (const group of groupsOf(accepted, nowMs)) {
    const [{ sql, shared }] = group;
    session.run(sql, ...shared, keyed(group.map(({ seq, own }) => [seq, own])));
  }
  replaceRefs(session, accepted.flatMap(newRefs));
  sendTexts(
    session,
    WRITE_OUTPUTS,
    accepted.flatMap(({ item, seq }) => (item.output === undefined ? [] : [[seq, item.output] as const])),
  );
  return results;
}

/** The jobs whose guards hold: one statement for all guards that are alike, as those of one claim are. */
function heldOf(session: Session, items: readonly WriteItem[], nowMs: number): ReadonlyMap<string, Held> {
  const groups: { readonly values: readonly SqliteValue[]; readonly ids: string[] }[] = [];
  for (const { id, guard } of items) {
    const values = guardValues(guard, nowMs);
    const group = groups.find((other) => areEqual(other.values, values));
    if (group === undefined) groups.push({ values, ids: [id] });
    else group.ids.push(id);
  }
  const held = new Map<string, Held>();
  for (const { values, ids } of groups) {
    const [row] = session.all(HELD, JSON.stringify(ids), ...values);
    for (const one of JSON.parse(String(row?.["held"])) as readonly Held[]) held.set(one[0], one);
  }
  return held;
}

function guardValues(guard: WriteItem["guard"], nowMs: number): readonly SqliteValue[] {
  const token = guard.token === null ? null : encodeText(guard.token);
  const lease = guard.expiredLease ?? null;
  return [guard.status, guard.version, token, guard.dispatch ?? null, lease, lease, nowMs];
}

function newRefs({ item, seq, awaited }: Accepted): readonly RefsOf[] {
  const { awaiting } = item.patch;
  if (awaiting === undefined || (awaiting === null && !awaited)) return [];
  return [{ id: item.id, seq, awaiting }];
}

type Group = [Change, ...Change[]];

/** Those that are alike in all but their history; in their instants too only where that leaves many in one statement. */
function groupsOf(accepted: readonly Accepted[], nowMs: number): readonly Group[] {
  const ofOneInstant = grouped(accepted, nowMs, NO_FIELDS);
  const areMany = ofOneInstant.length <= 1 || accepted.length >= ofOneInstant.length * MANY_OF_AN_INSTANT;
  return areMany ? ofOneInstant : grouped(accepted, nowMs, INSTANTS);
}

function grouped(
  accepted: readonly Accepted[],
  nowMs: number,
  ownFields: ReadonlySet<keyof RecordPatch>,
): readonly Group[] {
  const groups: Group[] = [];
  for (const one of accepted) {
    const change = changeOf(one, nowMs, ownFields);
    const group = groups.find(([first]) => isAlike(first, change));
    if (group === undefined) groups.push([change]);
    else group.push(change);
  }
  return groups;
}

function isAlike(one: Change, other: Change): boolean {
  return one.sql === other.sql && areEqual(one.shared, other.shared);
}

function areEqual(some: readonly SqliteValue[], others: readonly SqliteValue[]): boolean {
  return some.every((value, index) => value === others[index]);
}

/** The texts follow from which fields a patch has: one for each command that the core knows. */
const statements = new Map<string, string>();

function changeOf({ item, seq }: Accepted, nowMs: number, ownFields: ReadonlySet<keyof RecordPatch>): Change {
  const { patch: given, history, leaseMs } = item;
  const patch = leaseMs === undefined ? given : { ...given, leaseUntil: nowMs + leaseMs };
  const replaces = "replace" in history;
  const text = replaces ? history.replace : history.append;
  const hasOwn = ownFields.size > 0;
  const shared: SqliteValue[] = [];
  const own: SqliteValue[] = [text];
  let shape = (replaces ? "=" : text === "" ? "" : "+") + (hasOwn ? "*" : "");
  for (const [field, { codec, at }] of PATCHABLE) {
    const value = patch[field];
    if (value === undefined) continue;
    shape += String.fromCharCode(FIRST_CHARACTER + at);
    (ownFields.has(field) ? own : shared).push(encodeField(codec, value));
  }
  let sql = statements.get(shape);
  if (sql === undefined) statements.set(shape, (sql = statementOf(patch, history, ownFields)));
  return { seq, sql, shared, own: hasOwn ? own : text };
}

/** Columns are letters of a shape. */
const FIRST_CHARACTER = "A".charCodeAt(0);

/** The last parameter is what is each one's own: its history, or that and its fields. */
function statementOf(
  patch: WriteItem["patch"],
  history: WriteItem["history"],
  ownFields: ReadonlySet<keyof RecordPatch>,
): string {
  let own = 0;
  const nextOwn = (): string => `json_extract(w.value, '$[${own++}]')`;
  const text = ownFields.size > 0 ? nextOwn() : "w.value";
  const assigned = PATCHABLE.flatMap(([field, { name }]) =>
    patch[field] === undefined ? [] : [`${name} = ${ownFields.has(field) ? nextOwn() : "?"}`],
  );
  if ("replace" in history) assigned.push(`history = ${text}`);
  else if (history.append !== "") {
    assigned.push(`history = case history when '' then ${text} else history || ',' || ${text} end`);
  }
  return `update waybill_job set ${assigned.join(", ")} from json_each(?) as w where seq = w.key`;
}
