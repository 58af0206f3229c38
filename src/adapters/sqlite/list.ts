import type { ByRefRequest, ListReply, ListRequest, StoredJob } from "../../core/ports/store.js";
import { decodeJob } from "./codec.js";
import { jobColumns, JOB_COLUMNS } from "./columns.js";
import type { Session } from "./connection.js";
import type { Row, SqliteValue } from "./driver.js";
import { encodeText } from "./text.js";

/** Rows that one page looks at: a filter that fits few jobs gives short pages, not a long stop of the process. */
const MAX_ROWS_PER_PAGE = 1_000;

const BY_REF =
  `select ${JOB_COLUMNS} from waybill_job where seq in (select seq from waybill_ref where kind = ? and ref_key = ?) ` +
  "order by created_at desc, id desc limit 10";

/** A condition and its parameters. */
interface Condition {
  readonly sql: string;
  readonly params: readonly SqliteValue[];
}

interface FieldCondition extends Condition {
  readonly field: "owner" | "subject" | "kind" | "status" | "undeliverable" | null;
}

export function listJobs(session: Session, request: ListRequest): Omit<ListReply, "nowMs"> {
  const path = pathOf(request);
  const window = windowOf(path, request.after);
  const filters = filtersOf(request).filter((filter) => filter.field !== path.field);
  // Without a filter every row of the window is on the page: it need not be longer.
  const rowsSeen = filters.length === 0 ? request.limit + 1 : MAX_ROWS_PER_PAGE;
  const where = filters.map((filter) => ` and ${filter.sql}`).join("");
  const sql =
    `select ${jobColumns(request)} from waybill_job where seq in (${window.sql} limit ?)${where} ` +
    "order by created_at desc, id desc limit ?";
  // One more than asked for tells whether this is the last page.
  const rows = session.all(
    sql,
    ...window.params,
    rowsSeen,
    ...filters.flatMap((filter) => filter.params),
    request.limit + 1,
  );
  const page = rows.slice(0, request.limit);
  const last = rows.length > request.limit ? page[page.length - 1] : endOfWindow(session, window, rowsSeen);
  return {
    jobs: page.map((row) => decodeJob(row, request)),
    next: last === undefined ? null : placeOf(last),
  };
}

/** The last row that the page looked at, where more may lie behind it. */
function endOfWindow(session: Session, window: Condition, rowsSeen: number): Row | undefined {
  const sql = `select created_at, id from waybill_job where seq in (${window.sql} limit 1 offset ?)`;
  return session.all(sql, ...window.params, rowsSeen - 1)[0];
}

function placeOf(row: Row): { readonly createdAt: number; readonly id: string } {
  return { createdAt: Number(row["created_at"]), id: String(row["id"]) };
}

/** The jobs on a path, newest first. */
function windowOf(path: Condition, after: ListRequest["after"]): Condition {
  const behind = after === undefined ? "" : "and (created_at, id) < (?, ?) ";
  const params = after === undefined ? [] : [after.createdAt, after.id];
  return {
    sql: `select seq from waybill_job where ${path.sql} ${behind}order by created_at desc, id desc`,
    params: [...path.params, ...params],
  };
}

/** The narrowest index that holds every job asked for. */
function pathOf({ undeliverable, subject, owner, kinds }: ListRequest): FieldCondition {
  if (undeliverable === true) return { field: "undeliverable", sql: "undeliverable = 1", params: [] };
  if (subject !== undefined) return { field: "subject", sql: "subject = ?", params: [encodeText(subject)] };
  if (owner !== undefined && owner !== null) {
    return { field: "owner", sql: "owner = ?", params: [encodeText(owner)] };
  }
  const [kind, ...others] = kinds ?? [];
  if (kind !== undefined && others.length === 0) {
    return { field: "kind", sql: "kind = ?", params: [encodeText(kind)] };
  }
  return { field: null, sql: "true", params: [] };
}

function filtersOf({ owner, subject, kinds, statuses }: ListRequest): readonly FieldCondition[] {
  const filters: FieldCondition[] = [];
  if (owner !== undefined) {
    filters.push({ field: "owner", sql: "+owner is ?", params: [owner === null ? null : encodeText(owner)] });
  }
  if (subject !== undefined) {
    filters.push({ field: "subject", sql: "+subject = ?", params: [encodeText(subject)] });
  }
  if (kinds !== undefined) filters.push(among("kind", kinds.map(encodeText)));
  if (statuses !== undefined) filters.push(among("status", statuses));
  return filters;
}

/** `+`: the rows are those of the window; an index of this column would be walked in vain. */
function among(field: "kind" | "status", values: readonly string[]): FieldCondition {
  return { field, sql: `+${field} in (select value from json_each(?))`, params: [JSON.stringify(values)] };
}

export function jobsByRef(session: Session, { kind, refKey }: ByRefRequest): readonly StoredJob[] {
  return session.all(BY_REF, encodeText(kind), encodeText(refKey)).map((row) => decodeJob(row));
}
