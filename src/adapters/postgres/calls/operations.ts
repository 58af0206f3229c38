import type {
  PulseRequest,
  PurgeReply,
  PurgeRequest,
  StoreHealth,
  StoreReply,
  StoreRequest,
} from "../../../core/ports/store.js";
import { numberOf, numberOrNull } from "../rows/codec.js";
import type { Names } from "../names.js";
import type { Session } from "../client/session.js";
import { CLOCK } from "../client/statement.js";

const pulseStatement = ({ pulse }: Names): string =>
  `with ${CLOCK}, beaten as (insert into ${pulse} (only_row, at, unserved) ` +
  "select true, clock.ms, $1::text::integer from clock " +
  "on conflict (only_row) do update set at = excluded.at, unserved = excluded.unserved) " +
  "select clock.ms as now_ms from clock";

/** As the ready index is declared, so that it is used. */
const READY = "status = 'QUEUED' and queue is null and ready_at is not null";

/** Goes from kind to kind through the ready index, which has the oldest of each in front: the backlog is not read. */
const oldestReady = (job: string): string =>
  `kinds (kind) as ((select kind from ${job} where ${READY} order by kind limit 1) union all ` +
  `select (select j.kind from ${job} j where j.${READY.replaceAll(" and ", " and j.")} and j.kind > kinds.kind ` +
  "order by j.kind limit 1) from kinds where kinds.kind is not null)";

const healthStatement = ({ job, parked, pulse }: Names): string =>
  `with recursive ${CLOCK}, ${oldestReady(job)} select clock.ms as now_ms, ` +
  `(select at from ${pulse}) as pulse_at, coalesce((select unserved from ${pulse}), 0) as unserved, ` +
  `(select min(wake_at) from ${job} where wake_at <= (select ms from clock)) as due_at, ` +
  `(select min((select min(ready_at) from ${job} j where j.kind = kinds.kind and ${READY} and ready_at <= (select ms from clock))) ` +
  "from kinds where kinds.kind is not null) as ready_at, " +
  `(select min(purge_at) from ${job} where purge_at <= (select ms from clock)) as expired_at, ` +
  `(select count(*) from ${parked}) as parked, (select count(*) from ${job} where undeliverable) as undeliverable from clock`;

const purgeStatement = ({ job, parked }: Names): string =>
  `with ${CLOCK}, t as materialized (select * from json_to_record($1::text::json) ` +
  "as t (n integer, parked_before bigint, lane integer)), " +
  `picked as materialized (select j.id, (select lane from t) as lane from ${job} j ` +
  "where j.purge_at <= (select ms from clock) " +
  "order by j.purge_at, j.id limit (select n from t) for update skip locked), " +
  `purged as (delete from ${job} j using picked p where p.lane = 0 and j.id = p.id returning 1), ` +
  `unparked as (delete from ${parked} using t where at < t.parked_before returning 1) ` +
  "select clock.ms as now_ms, (select count(*) from purged) as jobs, (select count(*) from unparked) as parked from clock";

export async function pulse(session: Session, { nowMs, unserved }: PulseRequest): Promise<StoreReply> {
  const [row] = await session.run(pulseStatement(session.names), [String(unserved)], "writes");
  return { nowMs: row === undefined ? nowMs : numberOf(row, "now_ms") };
}

export async function health(session: Session, { nowMs }: StoreRequest): Promise<StoreHealth> {
  const [row = {}] = await session.run(healthStatement(session.names), [], "reads");
  return {
    nowMs: numberOrNull(row, "now_ms") ?? nowMs,
    lastPulseAt: numberOrNull(row, "pulse_at"),
    unserved: numberOrNull(row, "unserved") ?? 0,
    oldestDueAt: numberOrNull(row, "due_at"),
    oldestReadyAt: numberOrNull(row, "ready_at"),
    oldestExpiredAt: numberOrNull(row, "expired_at"),
    parked: numberOrNull(row, "parked") ?? 0,
    undeliverable: numberOrNull(row, "undeliverable") ?? 0,
  };
}

export async function purge(session: Session, request: PurgeRequest): Promise<PurgeReply> {
  const { nowMs, limit, parkedBefore } = request;
  const params = [JSON.stringify({ n: limit, parked_before: parkedBefore, lane: 0 })];
  const [row = {}] = await session.run(purgeStatement(session.names), params, "writes");
  return {
    nowMs: numberOrNull(row, "now_ms") ?? nowMs,
    jobs: numberOrNull(row, "jobs") ?? 0,
    parked: numberOrNull(row, "parked") ?? 0,
  };
}
