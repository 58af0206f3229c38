import type { EntryTemplate } from "../../../core/job/history.js";
import type {
  ClaimByMessage,
  ClaimNext,
  ClaimResult,
  ClaimTerms,
  NextReady,
  StoredJob,
} from "../../../core/ports/store.js";
import { type ReadEach, readEach } from "../../../core/ports/unreadable.js";
import { decodeJob } from "../rows/codec.js";
import { jobColumns } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { Row, SqliteValue } from "../driver.js";
import { readOne } from "./read.js";
import { encodeText } from "../rows/text.js";

/** A compound select of more arms is refused by SQLite at 500, and slow to prepare long before. */
const MAX_ARMS = 50;

const COLUMNS = jobColumns({ input: true });

/** An entry: its template around the version, the instant and the attempt. The instant comes as text, to stay whole. */
const entry = (version: string, attempt: string): string => `'[' || (${version}) || ? || (${attempt}) || ?`;

/** The effect of a claim. On the right of `=` stand the values from before it. */
const CLAIM = `update waybill_job set
  status = 'PROCESSING',
  version = version + case status when 'PENDING' then 2 else 1 end,
  history = history || case history when '' then '' else ',' end
    || case status when 'PENDING' then ${entry("version + 1", "attempt")} || ',' else '' end
    || ${entry("version + case status when 'PENDING' then 2 else 1 end", "attempt + 1")},
  dispatch = max(dispatch, ?),
  fence = fence + 1,
  attempt = attempt + 1,
  token = ?,
  worker = ?,
  lease_until = ?,
  started_at = coalesce(started_at, ?),
  queued_at = coalesce(queued_at, ?),
  ready_at = null,
  send_at = null,
  retry_at = null,
  updated_at = ?,
  wake_at = min(?, coalesce(deadline_at, ?), case notifiers when '[]' then ? else ? end)`;

const CLAIM_BY_MESSAGE =
  `${CLAIM} where id = ? and record_version <= ? and dispatch <= ? ` +
  `and (status = 'QUEUED' or (status = 'PENDING' and send_at <= ?)) returning ${COLUMNS}`;

/** Found by `READY_ARM` under the write lock that is still held: there is nothing left to compare. */
const CLAIM_READY = `${CLAIM} where seq in (select value from json_each(?))`;

/** By a statement of its own: `returning` costs half as much again as this and the update together. */
const READ_CLAIMED = `select ${COLUMNS}, seq from waybill_job where seq in (select value from json_each(?))`;

const HELD = `select ${COLUMNS} from waybill_job where token = ? and status = 'PROCESSING' limit ?`;

const READY_ARM =
  "select seq, kind, ready_at, id from waybill_job " +
  "where kind = ? and ready_at <= ? and status = 'QUEUED' and queue is null and record_version <= ?";

/** Arms in the order of their index are merged as they are read: no kind is read further than the page goes. */
const ready = (arms: number): string =>
  "select json_group_array(json_array(seq, kind, ready_at, id)) as ready from " +
  `(${Array.from({ length: arms }, () => READY_ARM).join(" union all ")} order by ready_at, id limit ?)`;

interface Effect {
  readonly terms: ClaimTerms;
  readonly dispatch: number;
  readonly token: string;
  readonly leaseMs: number;
}

/** What the token holds already, then the next ready jobs. */
export function claimNext(session: Session, next: ClaimNext, nowMs: number): ReadEach<StoredJob> {
  const held = session.all(HELD, encodeText(next.token), next.limit);
  const claimed = claimReady(session, next, next.limit - held.length, nowMs);
  return readEach([...held, ...claimed], (row) => decodeJob(row, { input: true }));
}

/** One statement for all that get the same lease. They come back in the order in which they were ready. */
function claimReady(
  session: Session,
  { terms, token, kinds }: ClaimNext,
  limit: number,
  nowMs: number,
): readonly Row[] {
  const leases = new Map(kinds.map(({ kind, leaseMs }) => [encodeText(kind), leaseMs]));
  const ready = readyRows(session, [...leases.keys()], terms.recordVersion, limit, nowMs);
  if (ready.length === 0) return [];
  const byLease = new Map<number, number[]>();
  for (const [seq, kind] of ready) {
    const leaseMs = leases.get(kind) ?? 0;
    const seqs = byLease.get(leaseMs);
    if (seqs === undefined) byLease.set(leaseMs, [seq]);
    else seqs.push(seq);
  }
  for (const [leaseMs, seqs] of byLease) {
    // 0: lower than any dispatch, which so stays as it is.
    const effect = { terms, token, dispatch: 0, leaseMs };
    session.run(CLAIM_READY, ...effectValues(effect, nowMs), JSON.stringify(seqs));
  }
  const places = new Map(ready.map(([seq], place) => [seq, place]));
  const placeOf = (row: Row): number => places.get(Number(row["seq"])) ?? places.size;
  const claimed = session.all(READ_CLAIMED, JSON.stringify([...places.keys()]));
  return [...claimed].sort((one, other) => placeOf(one) - placeOf(other));
}

type ReadyRow = readonly [seq: number, kind: string, readyAt: number, id: string];

function readyRows(
  session: Session,
  kinds: readonly string[],
  recordVersion: number,
  limit: number,
  nowMs: number,
): readonly ReadyRow[] {
  if (limit <= 0) return [];
  const found: ReadyRow[] = [];
  for (let from = 0; from < kinds.length; from += MAX_ARMS) {
    const arms = kinds.slice(from, from + MAX_ARMS);
    const params = arms.flatMap((kind): SqliteValue[] => [kind, nowMs, recordVersion]);
    const [row] = session.all(ready(arms.length), ...params, limit);
    found.push(...(JSON.parse(String(row?.["ready"])) as readonly ReadyRow[]));
  }
  if (kinds.length > MAX_ARMS)
    found.sort(([, , at, id], [, , otherAt, other]) => at - otherAt || (id < other ? -1 : 1));
  return found.slice(0, limit);
}

const NEXT_READY =
  "select id, ready_at from waybill_job " +
  "where kind = ? and ready_at > ? and status = 'QUEUED' and queue is null and record_version <= ? " +
  "order by ready_at, id limit 1";

/** Which job of these kinds is ready next: one look into the index for each. */
export function nextReady(session: Session, { kinds, terms }: ClaimNext, nowMs: number): NextReady | null {
  let next: NextReady | null = null;
  for (const { kind } of kinds) {
    const [row] = session.all(NEXT_READY, encodeText(kind), nowMs, terms.recordVersion);
    if (row === undefined) continue;
    const found = { id: String(row["id"]), readyAt: Number(row["ready_at"]) };
    if (next === null || found.readyAt < next.readyAt) next = found;
  }
  return next;
}

export function claimByMessage(
  session: Session,
  terms: ClaimTerms,
  item: ClaimByMessage,
  nowMs: number,
): ClaimResult {
  const [row] = session.all(
    CLAIM_BY_MESSAGE,
    ...effectValues({ ...item, terms }, nowMs),
    item.id,
    terms.recordVersion,
    item.dispatch,
    nowMs,
  );
  if (row !== undefined) return { status: "ok", job: decodeJob(row, { input: true }) };
  const stored = readOne(session, item.id, { input: true });
  if (stored === null) return { status: "gone" };
  const { record, cursors } = stored;
  // The same delivery asks again: it is answered again.
  if (record.status === "PROCESSING" && record.token === item.token) return { status: "ok", job: stored };
  return { status: "refused", job: { record, cursors } };
}

/** The parameters of `CLAIM`, in order. */
function effectValues({ terms, dispatch, token, leaseMs }: Effect, nowMs: number): readonly SqliteValue[] {
  const leaseUntil = nowMs + leaseMs;
  return [
    ...entryValues(terms.queued, nowMs),
    ...entryValues(terms.started, nowMs),
    dispatch,
    encodeText(token),
    encodeText(terms.worker),
    leaseUntil,
    nowMs,
    nowMs,
    nowMs,
    leaseUntil,
    leaseUntil,
    leaseUntil,
    nowMs + terms.notifyGraceMs,
  ];
}

function entryValues(template: EntryTemplate, nowMs: number): readonly SqliteValue[] {
  return [template.afterVersion + String(nowMs) + template.afterAt, template.afterAttempt];
}
