import type {
  AdvanceItem,
  AdvanceReply,
  AdvanceResult,
  TakeDueReply,
  TakeDueRequest,
} from "../../../core/ports/store.js";
import { readEach } from "../../../core/ports/unreadable.js";
import { type Cursors, START } from "../../../core/job/record.js";
import { decodeCursors, decodeJob, numberOf, numberOrNull } from "../rows/codec.js";
import { JOB_COLUMNS } from "../rows/columns.js";
import { encodeCursors } from "../rows/cursors.js";
import type { Session } from "../client/session.js";
import { batch, CLOCK, inLockOrder, rowsOf } from "../client/statement.js";

/** Before every place: no wake-up is negative, and no id is empty. */
const START_OF_PASS = { wakeAt: -1, id: "" };

/** Another reconciler has what is locked: it is skipped, not waited for. */
const takeDueStatement = (job: string): string =>
  `with ${CLOCK}, t as materialized (select * from json_to_record($1::text::json) ` +
  "as t (n integer, hold_ms bigint, after_at bigint, after_id text, lane integer)), " +
  `picked as materialized (select j.id, j.wake_at, (select lane from t) as lane from ${job} j ` +
  "where j.wake_at <= (select ms from clock) " +
  "and (j.wake_at, j.id) > ((select after_at from t), (select after_id from t)) order by j.wake_at, j.id " +
  "limit (select n from t) for update skip locked), " +
  `postponed as (update ${job} j set wake_at = clock.ms + t.hold_ms from picked p, t, clock ` +
  `where p.lane = 0 and j.id = p.id returning ${JOB_COLUMNS}, p.wake_at as due_at) ` +
  `select clock.ms as now_ms, (select min(wake_at) from ${job} where wake_at > (select ms from clock)) as next_due_at, ` +
  "postponed.* from clock left join postponed on true order by due_at, id";

/**
 * Postpones the rows that are due. They are decoded when the postponement is committed: one that cannot be read is then
 * out of the way of the next call, and does not stop every pass for good.
 */
export async function takeDue(session: Session, request: TakeDueRequest): Promise<TakeDueReply> {
  const { limit, holdMs, after = START_OF_PASS } = request;
  const t = { n: limit, hold_ms: holdMs, after_at: after.wakeAt, after_id: after.id, lane: 0 };
  const rows = await session.run(takeDueStatement(session.names.job), [JSON.stringify(t)], "writes");
  const due = rows.filter((row) => row["id"] !== null);
  const { found, unreadable } = readEach(due, (row) => ({
    ...decodeJob(row),
    dueAt: numberOf(row, "due_at"),
  }));
  return {
    nowMs: rows[0] === undefined ? request.nowMs : numberOf(rows[0], "now_ms"),
    jobs: found,
    ...unreadable,
    nextDueAt: rows[0] === undefined ? null : numberOrNull(rows[0], "next_due_at"),
  };
}

/** A cursor that is not there stands at 0, as `START` says. */
const STORED = (field: "upTo" | "attempts" | "retryAt"): string =>
  `coalesce((j.cursors -> given.key ->> '${field}')::bigint, 0)`;

const GIVEN = (field: "upTo" | "attempts" | "retryAt"): string =>
  `coalesce((given.value ->> '${field}')::bigint, 0)`;

/** `mergeCursor` in SQL, on the row as it is when it is changed: two relays lose nothing of each other. */
const MERGED =
  "j.cursors || coalesce((select jsonb_object_agg(given.key, case " +
  `when ${GIVEN("upTo")} > ${STORED("upTo")} then given.value ` +
  `when ${GIVEN("upTo")} = ${STORED("upTo")} and ${GIVEN("attempts")} > ${STORED("attempts")} then given.value ` +
  `else coalesce(j.cursors -> given.key, '${JSON.stringify(START)}'::jsonb) end) ` +
  "from jsonb_each(w.cursors) as given), '{}'::jsonb)";

/** `isBehind` in SQL: a cursor that the plan rests on has moved. What was merged in by then is not behind itself. */
const IS_BEHIND =
  "exists (select from jsonb_each(w.cursors) as given where " +
  `(${GIVEN("upTo")}, ${GIVEN("attempts")}, ${STORED("retryAt")}) < ` +
  `(${STORED("upTo")}, ${STORED("attempts")}, ${GIVEN("retryAt")}))`;

const IS_CURRENT =
  "(j.version = w.if_version and j.status = w.if_status and j.token is not distinct from w.if_token " +
  `and not ${IS_BEHIND})`;

/** Cursors always move; wake-up and purge instant only on the record and the cursors that they were planned on. */
const advanceStatement = (job: string): string =>
  `with ${CLOCK}, ` +
  `${rowsOf(1, "id text, lane integer, if_version integer, if_status text, if_token text, wake_at bigint, purge_at bigint, latest_wake_at bigint, cursors jsonb")}, ` +
  `moved as (update ${job} j set cursors = ${MERGED}, ` +
  `wake_at = case when ${IS_CURRENT} then w.wake_at ` +
  "when j.wake_at > w.latest_wake_at then w.latest_wake_at else j.wake_at end, " +
  `purge_at = case when ${IS_CURRENT} then w.purge_at else j.purge_at end ` +
  "from w where w.lane = 0 and j.id = w.id " +
  `returning j.id, ${IS_CURRENT}::text as is_current, j.cursors::text as cursors) ` +
  "select clock.ms as now_ms, moved.* from clock left join moved on true";

export async function advanceJobs(
  session: Session,
  items: readonly AdvanceItem[],
  nowMs: number,
): Promise<AdvanceReply> {
  const rows = await session.run(advanceStatement(session.names.job), [encode(items)], "writes");
  const moved = new Map(rows.map((row) => [row["id"], row]));
  const results = items.map(({ id }): AdvanceResult => {
    const row = moved.get(id);
    if (row === undefined) return { status: "gone" };
    const cursors: Cursors = decodeCursors(row);
    return { status: "ok", wake: row["is_current"] === "true" ? "written" : "kept", cursors };
  });
  return { nowMs: rows[0] === undefined ? nowMs : numberOf(rows[0], "now_ms"), results };
}

function encode(items: readonly AdvanceItem[]): string {
  return batch(
    inLockOrder(items).map(({ id, plannedOn, wakeAt, purgeAt, latestWakeAt, cursors }) => ({
      id,
      lane: 0,
      if_version: plannedOn.version,
      if_status: plannedOn.status,
      if_token: plannedOn.token,
      wake_at: wakeAt,
      purge_at: purgeAt,
      latest_wake_at: latestWakeAt,
      cursors: encodeCursors(cursors),
    })),
  );
}
