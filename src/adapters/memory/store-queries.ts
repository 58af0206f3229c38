import type {
  ClaimNext,
  ListReply,
  ListRequest,
  NextReady,
  ByRefRequest,
  StoredJob,
  WakePosition,
} from "../../core/ports/store.js";
import { indexOfStatuses } from "../../core/job/record.js";
import { isBefore } from "./store-due-index.js";
import type { ListPlace } from "./store-list-index.js";
import { applyClaimNext, type StoredRow, withInput } from "./store-semantics.js";
import { hasGivenUp, type JobTable, refIndexKey, statusKey } from "./store-table.js";

/** Rows that one page looks at: a filter that fits few jobs gives short pages, not a long stop of the process. */
const MAX_ROWS_PER_PAGE = 1_000;
const MAX_JOBS_BY_REF = 10;

/** What the token holds already, then the next ready jobs; where they are fewer than asked for, which one is to come. */
export function claimNext(
  table: JobTable,
  next: ClaimNext,
  nowMs: number,
): { readonly jobs: readonly StoredJob[]; readonly nextReady?: NextReady | null } {
  const jobs = table.heldBy(next.token).slice(0, next.limit).map(withInput);
  const kinds = next.kinds.map((wanted) => wanted.kind);
  const left: StoredRow[] = [];
  let toCome: NextReady | null | undefined;
  while (jobs.length < next.limit) {
    const first = table.firstReady(kinds);
    const row = first === null ? undefined : table.get(first.id);
    if (first === null || row === undefined) {
      toCome = null;
      break;
    }
    const isOfOthers = row.record.recordVersion > next.terms.recordVersion;
    if (first.at > nowMs && !isOfOthers) {
      toCome = { id: first.id, readyAt: first.at };
      break;
    }
    const { row: claimed, result } = applyClaimNext(row, next, nowMs);
    if (result === null) {
      // Of a newer record format: out of the way for this call only.
      table.ready(row.record.kind).set(row.record.id, null);
      left.push(row);
    } else {
      table.replace(row, claimed);
      jobs.push(result);
    }
  }
  for (const { record } of left) table.ready(record.kind).set(record.id, record.readyAt);
  return toCome === undefined ? { jobs } : { jobs, nextReady: toCome };
}

/** The rows whose wake-up has come and lies behind `after`, oldest first. */
export function takeDueRows(
  table: JobTable,
  limit: number,
  nowMs: number,
  after: WakePosition | undefined,
): readonly StoredRow[] {
  const { wakeUps } = table;
  const passed = after === undefined ? null : { at: after.wakeAt, id: after.id };
  const due: StoredRow[] = [];
  const seen: { readonly id: string; readonly at: number }[] = [];
  while (due.length < limit) {
    const first = wakeUps.first();
    const row = first === null || first.at > nowMs ? undefined : table.get(first.id);
    if (first === null || row === undefined) break;
    if (passed === null || isBefore(passed, first)) due.push(row);
    seen.push(first);
    wakeUps.set(first.id, null);
  }
  for (const { id, at } of seen) wakeUps.set(id, at);
  return due;
}

/** One page of `list`. */
export function listJobs(
  table: JobTable,
  request: ListRequest,
): { readonly rows: readonly StoredRow[]; readonly next: ListReply["next"] } {
  const rows: StoredRow[] = [];
  let looked = 0;
  let last: ListPlace | null = null;
  for (const place of placesOf(table, request)) {
    if (rows.length >= request.limit || looked >= MAX_ROWS_PER_PAGE) return { rows, next: last };
    const row = table.get(place.id);
    if (row !== undefined && isWanted(row, request)) rows.push(row);
    looked += 1;
    last = place;
  }
  return { rows, next: null };
}

/** The narrowest index that holds every job asked for. */
function placesOf(
  table: JobTable,
  { owner, subject, kinds, statuses, undeliverable, after }: ListRequest,
): Generator<ListPlace> {
  if (undeliverable === true) return table.undeliverable.newestFirst("all", after);
  if (subject !== undefined) return table.subjects.newestFirst(subject, after);
  if (owner !== undefined) return table.owners.newestFirst(owner, after);
  const [kind, ...others] = kinds ?? [];
  const index = indexOfStatuses(statuses);
  if (index !== null) {
    const key = statusKey(index, kind === undefined || others.length > 0 ? null : kind);
    return table.statuses.newestFirst(key, after);
  }
  if (kind !== undefined && others.length === 0) return table.kinds.newestFirst(kind, after);
  return table.all.newestFirst("all", after);
}

/** Whether a job is among those that a `list` asks for; its place in the order is not looked at. */
export function isWanted({ record, cursors }: StoredRow, request: ListRequest): boolean {
  if (request.owner !== undefined && record.owner !== request.owner) return false;
  if (request.subject !== undefined && record.subject !== request.subject) return false;
  if (request.kinds !== undefined && !request.kinds.includes(record.kind)) return false;
  if (request.statuses !== undefined && !request.statuses.includes(record.status)) return false;
  return request.undeliverable !== true || hasGivenUp(cursors);
}

/** The newest jobs that await outside work with this key. */
export function jobsByRef(table: JobTable, { kind, refKey, owner }: ByRefRequest): readonly StoredRow[] {
  const rows: StoredRow[] = [];
  for (const place of table.refs.newestFirst(refIndexKey(kind, refKey))) {
    if (rows.length >= MAX_JOBS_BY_REF) break;
    const row = table.get(place.id);
    if (row !== undefined && (owner === undefined || row.record.owner === owner)) rows.push(row);
  }
  return rows;
}
