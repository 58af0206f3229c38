import type { AdvanceItem, AdvanceResult, TakeDueReply, TakeDueRequest } from "../../../core/ports/store.js";
import { type ReadEach, readEach } from "../../../core/ports/unreadable.js";
import { type Cursor, type Cursors, isBehind, mergeCursor, START } from "../../../core/job/record.js";
import { decodeCursors, decodeJob } from "../rows/codec.js";
import { JOB_COLUMNS } from "../rows/columns.js";
import type { Session } from "../connection.js";
import type { Row } from "../driver.js";

const DUE =
  `select ${JOB_COLUMNS}, seq, wake_at from waybill_job where wake_at <= ? and (wake_at, id) > (?, ?) ` +
  "order by wake_at, id limit ?";

const NEXT_DUE = "select min(wake_at) as next from waybill_job where wake_at > ?";

const POSTPONE = "update waybill_job set wake_at = ? where seq in (select value from json_each(?))";

const READ_CURSORS = "select seq, id, version, cursors from waybill_job where id = ?";

const ADVANCE = "update waybill_job set cursors = ?, undeliverable = ? where seq = ?";

const REPLAN =
  "update waybill_job set wake_at = ?, purge_at = ? where seq = ? and version = ? and status = ? and token is ?";

const BRING_FORWARD = "update waybill_job set wake_at = ? where seq = ? and wake_at > ?";

/** Before every place: no wake-up is negative, and no id is empty. */
const START_OF_PASS = { wakeAt: -1, id: "" };

/**
 * Postpones the rows that are due. They are decoded by the caller, when the postponement is committed: one that cannot be
 * read is then out of the way of the next call, and does not stop every pass for good.
 */
export function postponeDue(
  session: Session,
  request: TakeDueRequest,
): { readonly rows: readonly Row[]; readonly nextDueAt: number | null } {
  const { nowMs, limit, holdMs, after = START_OF_PASS } = request;
  const rows = session.all(DUE, nowMs, after.wakeAt, after.id, limit);
  if (rows.length > 0) {
    session.run(POSTPONE, nowMs + holdMs, JSON.stringify(rows.map((row) => Number(row["seq"]))));
  }
  const next = session.all(NEXT_DUE, nowMs)[0]?.["next"] ?? null;
  return { rows, nextDueAt: next === null ? null : Number(next) };
}

/** What can be read of the rows that were postponed. */
export function decodeDue(
  rows: readonly Row[],
  { nowMs, holdMs }: TakeDueRequest,
): ReadEach<TakeDueReply["jobs"][number]> {
  return readEach(rows, (row) => {
    const { record, cursors } = decodeJob(row);
    return { record: { ...record, wakeAt: nowMs + holdMs }, cursors, dueAt: Number(row["wake_at"]) };
  });
}

/** Cursors always move; wake-up and purge instant only on the record and the cursors that they were planned on. */
export function advanceJob(session: Session, item: AdvanceItem): AdvanceResult {
  const [row] = session.all(READ_CURSORS, item.id);
  if (row === undefined) return { status: "gone" };
  const seq = Number(row["seq"]);
  const stored = decodeCursors(row);
  const cursors = mergeCursors(stored, item.cursors);
  if (Object.keys(item.cursors).length > 0) {
    session.run(ADVANCE, JSON.stringify(cursors), hasGivenUp(cursors) ? 1 : 0, seq);
  }
  if (!isPlannedOnOldNews(stored, item.cursors) && replan(session, seq, item)) {
    return { status: "ok", wake: "written", cursors };
  }
  session.run(BRING_FORWARD, item.latestWakeAt, seq, item.latestWakeAt);
  return { status: "ok", wake: "kept", cursors };
}

function replan(session: Session, seq: number, { wakeAt, purgeAt, plannedOn }: AdvanceItem): boolean {
  const { version, status, token } = plannedOn;
  return session.run(REPLAN, wakeAt, purgeAt, seq, version, status, token) === 1;
}

function isPlannedOnOldNews(stored: Cursors, given: Cursors): boolean {
  return Object.entries(given).some(([name, cursor]) => isBehind(cursor, storedCursor(stored, name)));
}

function storedCursor(stored: Cursors, name: string): Cursor {
  return (Object.hasOwn(stored, name) ? stored[name] : undefined) ?? START;
}

function mergeCursors(stored: Cursors, given: Cursors): Cursors {
  const merged = Object.entries(given).map(([name, cursor]): [string, Cursor] => {
    return [name, mergeCursor(storedCursor(stored, name), cursor)];
  });
  // fromEntries makes own keys: a notifier may be called __proto__.
  return Object.fromEntries([...Object.entries(stored), ...merged]);
}

function hasGivenUp(cursors: Cursors): boolean {
  return Object.values(cursors).some((cursor) => cursor.exhausted.length > 0);
}
