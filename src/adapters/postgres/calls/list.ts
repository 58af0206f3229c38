import type { ByRefReply, ByRefRequest, ListReply, ListRequest } from "../../../core/ports/store.js";
import { readEach } from "../../../core/ports/unreadable.js";
import { indexOfStatuses } from "../../../core/job/record.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf, textOf } from "../rows/codec.js";
import { JOB_COLUMNS, jobColumns } from "../rows/columns.js";
import type { Session } from "../client/session.js";
import { CLOCK } from "../client/statement.js";
import { encodeText } from "../rows/text.js";

/** Rows that one page looks at: a filter that fits few jobs gives short pages, not a walk through the whole table. */
const MAX_ROWS_PER_PAGE = 1_000;

const NEWEST_FIRST = "order by created_at desc, id desc";

/** A statement's values, each a parameter of its own, so that it is planned for them. */
class Params {
  readonly values: string[] = [];

  text(value: string): string {
    this.values.push(value);
    return `$${this.values.length}::text`;
  }

  encoded(text: string): string {
    return this.text(encodeText(text));
  }

  number(value: number): string {
    return `${this.text(String(value))}::bigint`;
  }

  list(texts: readonly string[]): string {
    return `(select json_array_elements_text(${this.text(JSON.stringify(texts))}::json))`;
  }
}

type Filtered = "owner" | "subject" | "kind" | "status";

interface Path {
  /** What every job on it fits. */
  readonly covers: readonly Filtered[];
  readonly sql: string;
}

export async function listJobs(session: Session, request: ListRequest): Promise<ListReply> {
  const { limit } = request;
  const params = new Params();
  const path = pathOf(request, params);
  const filters = filtersOf(request, path.covers, params);
  // Without a filter every row that is seen is on the page: no more need be looked at.
  const seen = filters.length === 0 ? limit + 1 : MAX_ROWS_PER_PAGE;
  const sql = listStatement(session.names.job, request, { path, filters, seen, params });
  const rows = await session.run(sql, params.values, "reads");
  const [first] = rows;
  const found = rows.filter((row) => row["id"] !== null);
  const page = found.slice(0, limit);
  const listed = readEach(page, (row) => decodeJob(row, request));
  return {
    nowMs: first === undefined ? request.nowMs : numberOf(first, "now_ms"),
    jobs: listed.found,
    ...listed.unreadable,
    next: found.length > limit ? placeOf(page[page.length - 1]) : endOf(first, seen),
  };
}

interface Wanted {
  readonly path: Path;
  readonly filters: readonly string[];
  readonly seen: number;
  readonly params: Params;
}

function listStatement(job: string, request: ListRequest, { path, filters, seen, params }: Wanted): string {
  const { after, limit } = request;
  const behind =
    after === undefined
      ? ""
      : ` and (j.created_at, j.id) < (${params.number(after.createdAt)}, ${params.text(after.id)})`;
  const wanted = filters.length === 0 ? "true" : filters.join(" and ");
  return (
    `with ${CLOCK}, seen as materialized (select j.id, j.created_at, (${wanted}) as wanted from ${job} j ` +
    `where ${path.sql}${behind} order by j.created_at desc, j.id desc limit ${params.number(seen)}), ` +
    // One more than asked for tells whether this is the last page.
    `page as materialized (select id, created_at from seen where wanted ${NEWEST_FIRST} limit ${params.number(limit + 1)}), ` +
    "ends as materialized (select created_at, id from seen order by created_at, id limit 1) " +
    "select clock.ms as now_ms, (select count(*) from seen) as seen, ends.created_at as end_at, ends.id as end_id, r.* " +
    "from clock left join ends on true left join page on true " +
    `left join lateral (select ${jobColumns(request)} from ${job} j where j.id = page.id limit 1) r on true ` +
    "order by page.created_at desc, page.id desc"
  );
}

function placeOf(row: Row | undefined): ListReply["next"] {
  return row === undefined ? null : { createdAt: numberOf(row, "created_at"), id: textOf(row, "id") };
}

/** The last row that the page looked at, where more may lie behind it. */
function endOf(first: Row | undefined, seen: number): ListReply["next"] {
  if (first === undefined || numberOf(first, "seen") < seen || first["end_id"] === null) return null;
  return { createdAt: numberOf(first, "end_at"), id: textOf(first, "end_id") };
}

/** The narrowest index that holds every job asked for. */
function pathOf({ undeliverable, subject, owner, kinds, statuses }: ListRequest, params: Params): Path {
  if (undeliverable === true) return { covers: [], sql: "j.undeliverable" };
  if (subject !== undefined) return { covers: ["subject"], sql: `j.subject = ${params.encoded(subject)}` };
  if (owner !== undefined && owner !== null) {
    return { covers: ["owner"], sql: `j.owner = ${params.encoded(owner)}` };
  }
  const [kind, ...others] = kinds ?? [];
  const index = indexOfStatuses(statuses);
  if (index === "unfinished") {
    if (kinds === undefined) return { covers: [], sql: "j.finished_at is null" };
    // The kind is in the index too: what is of another is passed over there, and no row of it is read.
    return {
      covers: ["kind"],
      sql: `j.finished_at is null and j.kind in ${params.list(kinds.map(encodeText))}`,
    };
  }
  if (index === "failed") {
    const one = kind !== undefined && others.length === 0;
    const failed = "j.status = 'FAILED'";
    if (!one) return { covers: ["status"], sql: failed };
    return { covers: ["status", "kind"], sql: `${failed} and j.kind = ${params.encoded(kind)}` };
  }
  if (kind !== undefined && others.length === 0) {
    return { covers: ["kind"], sql: `j.kind = ${params.encoded(kind)}` };
  }
  return { covers: [], sql: "true" };
}

/** What the path does not see to; a parameter that nothing names would be refused. */
function filtersOf(
  { owner, subject, kinds, statuses }: ListRequest,
  covers: Path["covers"],
  params: Params,
): readonly string[] {
  const filters: string[] = [];
  if (owner === null) filters.push("j.owner is null");
  else if (owner !== undefined && !covers.includes("owner")) {
    filters.push(`coalesce(j.owner = ${params.encoded(owner)}, false)`);
  }
  if (subject !== undefined && !covers.includes("subject")) {
    filters.push(`coalesce(j.subject = ${params.encoded(subject)}, false)`);
  }
  if (kinds !== undefined && !covers.includes("kind"))
    filters.push(`j.kind in ${params.list(kinds.map(encodeText))}`);
  if (statuses !== undefined && !covers.includes("status"))
    filters.push(`j.status in ${params.list(statuses)}`);
  return filters;
}

/**
 * The keys first, on their own: with a limit to reach, Postgres might walk the newest jobs of the kind instead. The boolean
 * travels as text: of one that is asked for as such, postgres.js makes false of every text.
 */
const byRefStatement = (job: string): string =>
  `with ${CLOCK}, hit as materialized (select j.id, j.created_at, j.kind, j.owner from ${job} j where j.ref_keys @> array[$2::text]), ` +
  `newest as materialized (select id, created_at from hit where kind = $1::text and ($3::text::boolean or owner is not distinct from nullif($4::text, '')) ${NEWEST_FIRST} limit 10) ` +
  "select clock.ms as now_ms, r.* from clock left join newest on true " +
  `left join lateral (select ${JOB_COLUMNS} from ${job} j where j.id = newest.id limit 1) r on true ` +
  "order by newest.created_at desc, newest.id desc";

export async function jobsByRef(
  session: Session,
  { nowMs, kind, refKey, owner }: ByRefRequest,
): Promise<ByRefReply> {
  // No owner is empty: an empty one is nobody.
  const ofOwner = owner === undefined || owner === null ? "" : encodeText(owner);
  const params = [encodeText(kind), encodeText(refKey), String(owner === undefined), ofOwner];
  const rows = await session.run(byRefStatement(session.names.job), params, "reads");
  const referring = rows.filter((row) => row["id"] !== null);
  const { found, unreadable } = readEach(referring, (row) => decodeJob(row));
  return {
    nowMs: rows[0] === undefined ? nowMs : numberOf(rows[0], "now_ms"),
    jobs: found,
    ...unreadable,
  };
}
