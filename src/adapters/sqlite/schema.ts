import { DECLARED_COLUMNS } from "./rows/columns.js";

/** "WBil": marks the file as Waybill's. */
export const APPLICATION_ID = 0x5742696c;

/** Grows with every change of the tables. */
export const SCHEMA_VERSION = 3;

/**
 * Three tables hold a job, joined by `seq`, which unlike a bare rowid survives VACUUM:
 *
 * - `waybill_job`, the hot record. Cursors are a column of it: SQLite logs whole pages, so a table of their own would
 *   make `advance` log two pages for one.
 * - `waybill_payload`, what is written once: in the wide row, every heartbeat would copy a large input into the log.
 * - `waybill_ref`, one row per key of awaited external work.
 *
 * A trigger deletes a job's rows in the other two with it, also for whoever deletes a job by hand: SQLite gives the
 * largest `seq` again once it is free, and the next job would meet what was left.
 *
 * `waybill_hint` holds what other processes have not heard yet: a row for each transaction, of which the newest are kept.
 *
 * Two sets of indexes lead to jobs by status. Their conditions change once in a life, at its end: no other write touches them.
 *
 * Indexes are partial: a settled job is in none that work goes through, so work does not slow down with what is stored.
 */
export const SCHEMA = `
create table waybill_job (
  seq integer primary key,
${DECLARED_COLUMNS}
  cursors text not null default '{}',
  undeliverable integer not null default 0,
  history text not null
) strict;
create unique index waybill_job_scope on waybill_job (scope) where scope is not null;
create index waybill_job_ready on waybill_job (kind, ready_at, id) where ready_at is not null;
create index waybill_job_wake on waybill_job (wake_at, id) where wake_at is not null;
create index waybill_job_token on waybill_job (token) where token is not null;
create index waybill_job_purge on waybill_job (purge_at) where purge_at is not null;
create index waybill_job_undeliverable on waybill_job (created_at, id) where undeliverable = 1;
create index waybill_job_owner on waybill_job (owner, created_at, id) where owner is not null;
create index waybill_job_subject on waybill_job (subject, created_at, id) where subject is not null;
create index waybill_job_kind on waybill_job (kind, created_at, id);
create index waybill_job_unfinished on waybill_job (created_at, id, kind) where finished_at is null;
create index waybill_job_failed on waybill_job (created_at, id) where status = 'FAILED';
create index waybill_job_failed_kind on waybill_job (kind, created_at, id) where status = 'FAILED';
create index waybill_job_created on waybill_job (created_at, id);

create table waybill_payload (seq integer primary key, input text not null, output text) strict;

create table waybill_ref (
  kind text not null,
  ref_key text not null,
  seq integer not null,
  primary key (kind, ref_key, seq)
) strict, without rowid;
create index waybill_ref_seq on waybill_ref (seq);
create trigger waybill_job_deleted after delete on waybill_job begin
  delete from waybill_payload where seq = old.seq;
  delete from waybill_ref where seq = old.seq;
end;

create table waybill_parked (
  id text primary key not null,
  queue text not null,
  body text not null,
  reason text not null,
  at integer not null
) strict;
create index waybill_parked_at on waybill_parked (at);

create table waybill_pulse (only_row integer primary key check (only_row = 1), at integer not null, unserved integer not null) strict;

create table waybill_hint (seq integer primary key, jobs text not null, hints text not null) strict;

pragma application_id = ${APPLICATION_ID};
pragma user_version = ${SCHEMA_VERSION};
`;
