import type { Pool, PoolClient } from "pg";

/** Forward only, each once; a number that was released is never edited. */
export const MIGRATIONS: readonly string[] = [
  // 1: the documents, and the index that is made of them
  `create sequence document_ids;
  create table documents (
    id text primary key default 'd-' || nextval('document_ids'),
    user_id text not null,
    name text not null,
    content bytea not null,
    uploaded_at timestamptz not null default now()
  );
  create table chunks (
    document_id text not null references documents (id) on delete cascade,
    place integer not null,
    text text not null,
    embedding real[],
    neighbours integer[],
    primary key (document_id, place)
  );`,
  // 2: workspaces, each with a configuration of its own
  `create sequence workspace_ids;
  create table workspaces (
    id text primary key default 'w-' || nextval('workspace_ids'),
    user_id text not null,
    name text not null,
    created_at timestamptz not null default now()
  );
  create table rag_configs (
    workspace_id text primary key references workspaces (id) on delete cascade,
    chunk_chars integer not null,
    embedding_model text not null
  );
  alter table documents add column workspace_id text references workspaces (id);`,
  // 3: what a workspace gets that says nothing else
  `create table default_rag_configs (
    chunk_chars integer not null,
    embedding_model text not null
  );
  insert into default_rag_configs values (200, 'hashed-64');`,
  // 4: status columns, with the job and the version that each of them shows. Ids of jobs rise with time, letter by letter ("C")
  `alter table documents
    add column processing_status text not null default 'pending'
      check (processing_status in ('pending', 'processing', 'ready', 'failed')),
    add column processing_error text,
    add column chunk_count integer,
    add column metadata jsonb not null default '{}',
    add column status_job text collate "C" not null default '',
    add column status_version integer not null default 0;
  alter table workspaces
    add column status text not null default 'provisioning'
      check (status in ('provisioning', 'ready', 'error')),
    add column status_message text,
    add column status_job text collate "C" not null default '',
    add column status_version integer not null default 0;
  create index documents_by_user on documents (user_id, uploaded_at desc);
  create index documents_by_status on documents (processing_status) where processing_status in ('pending', 'processing');
  create index workspaces_by_user on workspaces (user_id, created_at desc);`,
];

/** Names the lock that processes which start together take turns by. */
const LOCK = 1_146_048_845;

/**
 * Makes what is missing. Several processes may do it at once; each number is committed with the fact that it was run.
 *
 * @param to - the last number to be run, for tests
 */
export async function migrate(pool: Pool, to: number = MIGRATIONS.length): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    await client.query("create table if not exists schema_migrations (number integer primary key)");
    const { rows } = await client.query<{ last: number }>(
      "select coalesce(max(number), 0) as last from schema_migrations",
    );
    for (let number = (rows[0]?.last ?? 0) + 1; number <= to; number += 1) await step(client, number);
    await client.query("select pg_advisory_unlock($1)", [LOCK]);
    client.release();
  } catch (error) {
    // The lock goes with the connection.
    client.release(true);
    throw error;
  }
}

async function step(client: PoolClient, number: number): Promise<void> {
  await client.query("begin");
  await client.query(MIGRATIONS[number - 1] ?? "");
  await client.query("insert into schema_migrations values ($1)", [number]);
  await client.query("commit");
}
