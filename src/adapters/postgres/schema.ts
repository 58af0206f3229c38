import { DECLARED_COLUMNS } from "./rows/columns.js";
import type { Names } from "./names.js";

/**
 * One wide row holds a job: measured, every part that was split off cost more than it saved. What is written once and may
 * be large (input, output) is last and apart from the hot columns, so that Postgres moves it out of the row and an update
 * does not copy it. Keys of awaited work are a column with an inverted index, not a table: few jobs have any, they change
 * with the row and in the same statement, and they go with it. Work goes through partial indexes, in which no settled job
 * is; the indexes of `list` are over columns that never change.
 */
const jobTable = ({ job }: Names): string => `
create table ${job} (
${DECLARED_COLUMNS}
  ref_keys text[] collate "C",
  cursors jsonb not null default '{}',
  undeliverable boolean not null generated always as (jsonb_path_exists(cursors, '$.*.exhausted[*]')) stored,
  history text not null,
  input text not null,
  output text
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);`;

const jobIndexes = ({ job }: Names): string => `
create unique index job_scope on ${job} (scope) where scope is not null;
create index job_ready on ${job} (kind, ready_at, id)
  where status = 'QUEUED' and queue is null and ready_at is not null;
create index job_wake on ${job} (wake_at, id) where wake_at is not null;
create index job_token on ${job} (token) where token is not null;
create index job_purge on ${job} (purge_at, id) where purge_at is not null;
create index job_ref on ${job} using gin (ref_keys) where ref_keys is not null;
create index job_undeliverable on ${job} (created_at, id) where undeliverable;
create index job_owner on ${job} (owner, created_at, id) where owner is not null;
create index job_subject on ${job} (subject, created_at, id) where subject is not null;
create index job_kind on ${job} (kind, created_at, id);
create index job_unfinished on ${job} (created_at, id, kind) where finished_at is null;
create index job_failed on ${job} (created_at, id) where status = 'FAILED';
create index job_failed_kind on ${job} (kind, created_at, id) where status = 'FAILED';
create index job_created on ${job} (created_at, id);`;

const otherTables = ({ parked, pulse }: Names): string => `
create table ${parked} (
  id text collate "C" primary key,
  queue text not null,
  body text not null,
  reason text not null,
  at bigint not null
);
create index parked_at on ${parked} (at);
create table ${pulse} (
  only_row boolean primary key check (only_row),
  at bigint not null,
  unserved integer not null
);`;

/** The steps of the schema, in order; what is published is never changed, only followed by another one. */
const MIGRATIONS: readonly ((names: Names) => string)[] = [
  (names) => jobTable(names) + jobIndexes(names) + otherTables(names),
];

/** Grows with every change of the tables. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * Everything that is missing, as one statement: all of it or nothing, on any connection, also through a pooler. Those who
 * run it at the same time take turns by a lock that ends with the statement.
 */
export function migrationStatement(names: Names): string {
  const { schema, migration } = names;
  const steps = MIGRATIONS.map((step, index) => {
    const version = String(index + 1);
    // First: where sessions are serializable, who waited does not see the row of the one before, and is told here to begin anew.
    const applied = `insert into ${migration} (version, applied_at) values (${version}, clock_timestamp()) on conflict do nothing;`;
    return `if waybill_found < ${version} then\n${applied}${step(names)}\nend if;`;
  });
  return `do $waybill$
declare
  waybill_found integer;
begin
perform pg_advisory_xact_lock(hashtextextended('waybill migration of ${schema}', 0));
if to_regnamespace('"${schema}"') is null then
create schema "${schema}";
end if;
if to_regclass('${migration}') is null then
create table ${migration} (version integer primary key, applied_at timestamptz not null);
end if;
select coalesce(max(version), 0) into waybill_found from ${migration};
${steps.join("\n")}
end
$waybill$`;
}
