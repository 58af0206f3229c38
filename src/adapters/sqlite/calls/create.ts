import type { CreateItem, CreateResult } from "../../../core/ports/store.js";
import type { ChangingFields, FixedFields, JobRecord } from "../../../core/job/record.js";
import { decodeJob, encodeField } from "../rows/codec.js";
import type { Column } from "../rows/column.js";
import { FIXED_COLUMNS, JOB_COLUMNS, PATCH_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { SqliteValue } from "../driver.js";
import { readOne } from "./read.js";
import { addRefs } from "./refs.js";
import { encodeText } from "../rows/text.js";

type PlainField = keyof FixedFields | keyof Omit<ChangingFields, "history">;

const FIELDS = Object.entries({ ...FIXED_COLUMNS, ...PATCH_COLUMNS }) as readonly (readonly [
  PlainField,
  Column,
])[];

/** A job of this id, or of this scope, is left as it is. */
const insertJob = (names: readonly string[]): string =>
  `insert into waybill_job (${names.join(", ")}, history) values (${"?, ".repeat(names.length)}?) on conflict do nothing`;

const INSERT_INPUT = "insert into waybill_payload (seq, input) values (last_insert_rowid(), ?)";

const READ_BY_SCOPE = `select ${JOB_COLUMNS} from waybill_job where scope = ?`;

export function createJob(session: Session, { record, input }: CreateItem): CreateResult {
  const { names, values } = given(record);
  if (session.run(insertJob(names), ...values, record.history) === 0) return existing(session, record);
  session.run(INSERT_INPUT, input);
  if (record.awaiting !== null) addRefs(session, record.id, record.awaiting.refKeys);
  return { status: "created" };
}

/** What a record says. Half of its fields are empty when it is made, and each value is a crossing to the driver. */
function given(record: JobRecord): {
  readonly names: readonly string[];
  readonly values: readonly SqliteValue[];
} {
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
