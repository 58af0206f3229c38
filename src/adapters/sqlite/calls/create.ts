import type { CreateItem, CreateResult } from "../../../core/ports/store.js";
import type { ChangingFields, FixedFields, JobRecord } from "../../../core/job/record.js";
import { decodeJob, encodeField } from "../rows/codec.js";
import type { Column } from "../rows/column.js";
import { FIXED_COLUMNS, JOB_COLUMNS, PATCH_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { SqliteValue } from "../driver.js";
import { readOne } from "./read.js";
import { addRefs } from "./refs.js";
import { keyed, sendTexts } from "./texts.js";
import { encodeText } from "../rows/text.js";

type PlainField = Exclude<keyof FixedFields, "id"> | keyof Omit<ChangingFields, "history">;

const { id: _, ...FIXED_WITHOUT_ID } = FIXED_COLUMNS;

const FIELDS = Object.entries({ ...FIXED_WITHOUT_ID, ...PATCH_COLUMNS }) as readonly (readonly [
  PlainField,
  Column,
])[];

/** A job of this id, or of this scope, is left as it is. SQLite asks for the `where`, to tell `on conflict` from a join. */
const insertJobs = (names: readonly string[]): string =>
  `insert into waybill_job (${names.join(", ")}, id, history) select ${"?, ".repeat(names.length)}w.key, w.value ` +
  "from json_each(?) as w where true on conflict do nothing";

/** Of jobs that are stored, those that were stored just now: every other has its input. */
const WITHOUT_INPUT =
  "select json_group_array(waybill_job.id) as ids from json_each(?) as w cross join waybill_job " +
  "where waybill_job.id = w.value and not exists (select 1 from waybill_payload where seq = waybill_job.seq)";

const INSERT_INPUTS =
  "insert into waybill_payload (seq, input) " +
  "select seq, w.value from json_each(?) as w cross join waybill_job where waybill_job.id = w.key";

const READ_BY_SCOPE = `select ${JOB_COLUMNS} from waybill_job where scope = ?`;

/** A statement stores all jobs that are alike: each crossing to the driver costs more than the row. */
export function createJobs(session: Session, items: readonly CreateItem[]): readonly CreateResult[] {
  // The second job of an id must see the first.
  if (new Set(items.map(({ record }) => record.id)).size < items.length && items.length > 1) {
    return items.flatMap((item) => createJobs(session, [item]));
  }
  const made = new Set(groupsOf(items).flatMap((group) => insert(session, group)));
  const created = items.filter(({ record }) => made.has(record.id));
  sendTexts(
    session,
    INSERT_INPUTS,
    created.map(({ record, input }) => [record.id, input] as const),
  );
  for (const { record } of created) {
    if (record.awaiting !== null) addRefs(session, record.id, record.awaiting.refKeys);
  }
  return items.map(({ record }) => (made.has(record.id) ? { status: "created" } : existing(session, record)));
}

/** Jobs that differ in id and history alone. */
interface Group extends Given {
  readonly records: JobRecord[];
}

function groupsOf(items: readonly CreateItem[]): readonly Group[] {
  const groups: Group[] = [];
  for (const { record } of items) {
    const one = given(record);
    const group = groups.find((other) => areAlike(other, one));
    if (group === undefined) groups.push({ ...one, records: [record] });
    else group.records.push(record);
  }
  return groups;
}

function areAlike(some: Given, other: Given): boolean {
  return (
    some.names.length === other.names.length &&
    some.values.every((value, index) => value === other.values[index]) &&
    some.names.every((name, index) => name === other.names[index])
  );
}

/** @returns the ids of those that were not there yet */
function insert(session: Session, { names, values, records }: Group): readonly string[] {
  const histories = keyed(records.map(({ id, history }) => [id, history]));
  const inserted = session.run(insertJobs(names), ...values, histories);
  const ids = records.map(({ id }) => id);
  if (inserted === ids.length) return ids;
  if (inserted === 0) return [];
  const [row] = session.all(WITHOUT_INPUT, JSON.stringify(ids));
  return JSON.parse(String(row?.["ids"])) as readonly string[];
}

interface Given {
  readonly names: readonly string[];
  readonly values: readonly SqliteValue[];
}

/** What a record says. Half of its fields are empty when it is made, and each value is a crossing to the driver. */
function given(record: JobRecord): Given {
  const names: string[] = [];
  const values: SqliteValue[] = [];
  for (const [field, { name, codec }] of FIELDS) {
    const value = record[field];
    if (value === null) continue;
    names.push(name);
    values.push(encodeField(codec, value));
  }
  return { names, values };
}

function existing(session: Session, { id, scope }: JobRecord): CreateResult {
  const byId = readOne(session, id);
  if (byId !== null) return { status: "existing", job: byId };
  const [row] = scope === null ? [] : session.all(READ_BY_SCOPE, encodeText(scope));
  // The insert met one of the two, in this transaction.
  if (row === undefined) throw new Error("a job was neither stored nor found");
  return { status: "existing", job: decodeJob(row) };
}
