import type { PulseRequest, PurgeReply, PurgeRequest, StoreHealth } from "../../../core/ports/store.js";
import type { Session } from "../connection.js";
import type { Row } from "../driver.js";

const PULSE =
  "insert into waybill_pulse (only_row, at, unserved) values (1, ?, ?) " +
  "on conflict (only_row) do update set at = excluded.at, unserved = excluded.unserved";

const READ_PULSE = "select at, unserved from waybill_pulse";

const OLDEST_DUE = "select min(wake_at) as at from waybill_job where wake_at <= ?";

/**
 * Goes from kind to kind through the index, which has the oldest of each in front: the backlog is not read. What is not
 * QUEUED or has a queue may have kept its instant; it is passed over.
 */
const OLDEST_READY = `
with recursive kinds (kind) as (
  select min(kind) from waybill_job where ready_at is not null
  union all
  select (select min(kind) from waybill_job where ready_at is not null and kind > kinds.kind) from kinds where kind is not null
)
select min((
  select min(ready_at) from waybill_job
  where waybill_job.kind = kinds.kind and ready_at <= ? and status = 'QUEUED' and queue is null
)) as at
from kinds where kind is not null`;

const OLDEST_EXPIRED = "select min(purge_at) as at from waybill_job where purge_at <= ?";

const COUNT_PARKED = "select count(*) as count from waybill_parked";

const COUNT_UNDELIVERABLE = "select count(*) as count from waybill_job where undeliverable = 1";

const PURGE_JOBS =
  "delete from waybill_job where seq in (select seq from waybill_job where purge_at <= ? order by purge_at, seq limit ?)";
const PURGE_PARKED = "delete from waybill_parked where at < ?";

export function pulse(session: Session, { nowMs, unserved }: PulseRequest): void {
  session.run(PULSE, nowMs, unserved);
}

export function health(session: Session, nowMs: number): Omit<StoreHealth, "nowMs"> {
  const [last] = session.all(READ_PULSE);
  return {
    lastPulseAt: last === undefined ? null : Number(last["at"]),
    unserved: last === undefined ? 0 : Number(last["unserved"]),
    oldestDueAt: instant(session.all(OLDEST_DUE, nowMs)),
    oldestReadyAt: instant(session.all(OLDEST_READY, nowMs)),
    oldestExpiredAt: instant(session.all(OLDEST_EXPIRED, nowMs)),
    parked: count(session.all(COUNT_PARKED)),
    undeliverable: count(session.all(COUNT_UNDELIVERABLE)),
  };
}

export function purge(session: Session, request: PurgeRequest): Omit<PurgeReply, "nowMs"> {
  const { nowMs, limit, parkedBefore } = request;
  return { jobs: session.run(PURGE_JOBS, nowMs, limit), parked: session.run(PURGE_PARKED, parkedBefore) };
}

function instant([row]: readonly Row[]): number | null {
  const at = row?.["at"] ?? null;
  return at === null ? null : Number(at);
}

function count([row]: readonly Row[]): number {
  return Number(row?.["count"]);
}
