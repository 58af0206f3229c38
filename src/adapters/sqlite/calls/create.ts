import type { CreateItem, CreateResult } from "../../../core/ports/store.js";
import type { ChangingFields, FixedFields, JobRecord } from "../../../core/job/record.js";
import { decodeJob, encodeField } from "../rows/codec.js";
import { FIXED_COLUMNS, JOB_COLUMNS, PATCH_COLUMNS, type Column } from "../rows/columns.js";
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
const INSERT_JOB =
  `insert into waybill_job (${FIELDS.map(([, column]) => column.name).join(", ")}, history) ` +
  `values (${"?, ".repeat(FIELDS.length)}?) on conflict do nothing`;

const INSERT_INPUT = "insert into waybill_payload (seq, input) values (last_insert_rowid(), ?)";

const READ_BY_SCOPE = `select ${JOB_COLUMNS} from waybill_job where scope = ?`;

export function createJob(session: Session, { record, input }: CreateItem): CreateResult {
  if (session.run(INSERT_JOB, ...values(record)) === 0) return existing(session, record);
  session.run(INSERT_INPUT, input);
  if (record.awaiting !== null) addRefs(session, record.id, record.awaiting.refKeys);
  return { status: "created" };
}

function values(record: JobRecord): readonly SqliteValue[] {
  return [...FIELDS.map(([field, column]) => encodeField(column.codec, record[field])), record.history];
}

function existing(session: Session, { id, scope }: JobRecord): CreateResult {
  const byId = readOne(session, id);
  if (byId !== null) return { status: "existing", job: byId };
  const [row] = scope === null ? [] : session.all(READ_BY_SCOPE, encodeText(scope));
  // The insert met one of the two, in this transaction.
  if (row === undefined) throw new Error("a job was neither stored nor found");
  return { status: "existing", job: decodeJob(row) };
}
