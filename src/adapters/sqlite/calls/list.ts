import type { ByRefRequest, ListReply, ListRequest, StoredJob } from "../../../core/ports/store.js";
import { type ReadEach, readEach } from "../../../core/ports/unreadable.js";
import { indexOfStatuses } from "../../../core/job/record.js";
import { decodeJob } from "../rows/codec.js";
import { jobColumns, JOB_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { Row, SqliteValue } from "../driver.js";
import { encodeText } from "../rows/text.js";

/** Rows that one page looks at: a filter that fits few jobs gives short pages, not a long stop of the process. */
const MAX_ROWS_PER_PAGE = 1_000;

const BY_REF =
  `select ${JOB_COLUMNS} from waybill_job where seq in (select seq from waybill_ref where kind = ? and ref_key = ?) ` +
  // `+`: of the few rows that await the key; an index of this column would be walked in vain.
  "and (? or +owner is ?) order by created_at desc, id desc limit 10";

/** A condition and its parameters. */
interface Condition {
  readonly sql: string;
  readonly params: readonly SqliteValue[];
}

type Filtered = "owner" | "subject" | "kind" | "status";

interface Path extends Condition {
  /** What every job on it fits. */
  readonly covers: readonly Filtered[];
}

interface Filter extends Condition {
  readonly field: Filtered;
}

export function listJobs(session: Session, request: ListRequest): Omit<ListReply, "nowMs"> {
  const path = pathOf(request);
  const window = windowOf(path, request.after);
  const filters = filtersOf(request).filter((filter) => !path.covers.includes(filter.field));
  // Without a filter every row of the window is on the page: it need not be longer.
  const rowsSeen = filters.length === 0 ? request.limit + 1 : MAX_ROWS_PER_PAGE;
  const where = filters.map((filter) => ` and ${filter.sql}`).join("");
  const sql =
    `select ${jobColumns(request)}, created_at from waybill_job where seq in (${window.sql} limit ?)${where} ` +
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
  const { found, unreadable } = readEach(page, (row) => decodeJob(row, request));
  return {
    jobs: found,
    ...unreadable,
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
function pathOf({ undeliverable, subject, owner, kinds, statuses }: ListRequest): Path {
  if (undeliverable === true) return { covers: [], sql: "undeliverable = 1", params: [] };
  if (subject !== undefined)
    return { covers: ["subject"], sql: "subject = ?", params: [encodeText(subject)] };
  if (owner !== undefined && owner !== null) {
    return { covers: ["owner"], sql: "owner = ?", params: [encodeText(owner)] };
  }
  const [kind, ...others] = kinds ?? [];
  const index = indexOfStatuses(statuses);
  if (index === "unfinished") return unfinishedPath(kinds);
  if (index === "failed") {
    const one = kind !== undefined && others.length === 0;
    return {
      covers: one ? ["status", "kind"] : ["status"],
      sql: `status = 'FAILED'${one ? " and kind = ?" : ""}`,
      params: one ? [encodeText(kind)] : [],
    };
  }
  if (kind !== undefined && others.length === 0) {
    return { covers: ["kind"], sql: "kind = ?", params: [encodeText(kind)] };
  }
  return { covers: [], sql: "true", params: [] };
}

/** The kind is in the index too: what is of another is passed over there, and no row of it is read. */
function unfinishedPath(kinds: ListRequest["kinds"]): Path {
  if (kinds === undefined) return { covers: [], sql: "finished_at is null", params: [] };
  const { sql, params } = among("kind", kinds.map(encodeText));
  return { covers: ["kind"], sql: `finished_at is null and ${sql}`, params };
}

function filtersOf({ owner, subject, kinds, statuses }: ListRequest): readonly Filter[] {
  const filters: Filter[] = [];
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
function among(field: "kind" | "status", values: readonly string[]): Filter {
  return { field, sql: `+${field} in (select value from json_each(?))`, params: [JSON.stringify(values)] };
}

export function jobsByRef(session: Session, { kind, refKey, owner }: ByRefRequest): ReadEach<StoredJob> {
  const isAnybodys = owner === undefined ? 1 : 0;
  const ofOwner = owner === undefined || owner === null ? null : encodeText(owner);
  const rows = session.all(BY_REF, encodeText(kind), encodeText(refKey), isAnybodys, ofOwner);
  return readEach(rows, (row) => decodeJob(row));
}
