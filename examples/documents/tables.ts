import type { Pool, PoolClient } from "pg";

/** Whatever runs a statement: the pool, or a transaction. */
type Sql = Pick<Pool | PoolClient, "query">;

export interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly documents: number;
  readonly status: "provisioning" | "ready" | "error";
  readonly statusMessage: string | null;
}

export interface DocumentRow {
  readonly id: string;
  readonly workspaceId: string;
  readonly userId: string;
  readonly name: string;
  readonly uploadedAt: Date;
  readonly status: "pending" | "processing" | "ready" | "failed";
  readonly error: string | null;
  readonly chunks: number | null;
  readonly metadata: { readonly embedding_model?: string };
}

/** What the index holds of a document. */
export interface IndexCount {
  readonly chunks: number;
  readonly embedded: number;
  readonly linked: number;
}

/**
 * A page that hears of an end reads the row at once, and `chunk_count` follows the job a moment later: the index has the number
 * by then.
 */
const DOCUMENT = `id, workspace_id as "workspaceId", user_id as "userId", name, uploaded_at as "uploadedAt",
  processing_status as status, processing_error as error, metadata,
  coalesce(chunk_count, (select nullif(count(*), 0)::int from chunks where document_id = documents.id)) as chunks`;

const WORKSPACE = `id, name, created_at as "createdAt", status, status_message as "statusMessage",
  (select count(*)::int from documents where workspace_id = workspaces.id) as documents`;

/** Each by its user: there is no way to ask for everybody's. */
export async function workspacesOf(sql: Sql, user: string): Promise<readonly WorkspaceRow[]> {
  const text = `select ${WORKSPACE} from workspaces where user_id = $1 order by created_at desc, id desc`;
  return (await sql.query<WorkspaceRow>(text, [user])).rows;
}

export async function workspaceOf(sql: Sql, user: string, id: string): Promise<WorkspaceRow | null> {
  const text = `select ${WORKSPACE} from workspaces where user_id = $1 and id = $2`;
  return (await sql.query<WorkspaceRow>(text, [user, id])).rows[0] ?? null;
}

export async function documentsOf(sql: Sql, user: string): Promise<readonly DocumentRow[]> {
  const text = `select ${DOCUMENT} from documents where user_id = $1 order by uploaded_at desc, id desc`;
  return (await sql.query<DocumentRow>(text, [user])).rows;
}

export async function addWorkspace(sql: Sql, user: string, name: string): Promise<string> {
  const text = "insert into workspaces (user_id, name) values ($1, $2) returning id";
  return (await sql.query<{ id: string }>(text, [user, name])).rows[0]?.id ?? "";
}

export async function addDocument(
  sql: Sql,
  { user, workspaceId, name, content }: NewDocument,
): Promise<string> {
  const text =
    "insert into documents (user_id, workspace_id, name, content) values ($1, $2, $3, $4) returning id";
  return (await sql.query<{ id: string }>(text, [user, workspaceId, name, content])).rows[0]?.id ?? "";
}

interface NewDocument {
  readonly user: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly content: Uint8Array;
}

/** The bytes of a document, and how its workspace wants them cut. `null`: this user has no such document. */
export async function contentOf(sql: Sql, user: string | null, id: string) {
  const text = `select content, chunk_chars as "chunkChars" from documents
    join rag_configs using (workspace_id) where documents.id = $1 and user_id = $2`;
  const { rows } = await sql.query<{ content: Buffer; chunkChars: number }>(text, [id, user]);
  return rows[0] ?? null;
}

/** Puts the chunks of a document in place of those of an earlier try. */
export async function putChunks(sql: Sql, documentId: string, texts: readonly string[]): Promise<void> {
  const text = `with gone as (delete from chunks where document_id = $1 and place >= $3)
    insert into chunks (document_id, place, text)
    select $1, ordinality - 1, value from unnest($2::text[]) with ordinality as given (value, ordinality)
    on conflict (document_id, place) do update set text = excluded.text, embedding = null, neighbours = null`;
  await sql.query(text, [documentId, texts, texts.length]);
}

export async function chunksOf(sql: Sql, documentId: string) {
  const text = "select text, embedding from chunks where document_id = $1 order by place";
  return (await sql.query<{ text: string; embedding: number[] | null }>(text, [documentId])).rows;
}

export async function putEmbeddings(
  sql: Sql,
  documentId: string,
  vectors: readonly (readonly number[])[],
): Promise<void> {
  await putEach(sql, "embedding", "real[]", documentId, vectors);
}

export async function putNeighbours(
  sql: Sql,
  documentId: string,
  places: readonly (readonly number[])[],
): Promise<void> {
  await putEach(sql, "neighbours", "integer[]", documentId, places);
}

/** Postgres' own nested arrays are rectangular; texts of arrays need not be. */
async function putEach(
  sql: Sql,
  column: "embedding" | "neighbours",
  type: string,
  documentId: string,
  values: readonly (readonly number[])[],
): Promise<void> {
  const text = `update chunks set ${column} = value::${type}
    from unnest($2::text[]) with ordinality as given (value, ordinality)
    where document_id = $1 and place = ordinality - 1`;
  await sql.query(text, [documentId, values.map((one) => `{${one.join(",")}}`)]);
}

export async function indexOf(sql: Sql, documentId: string): Promise<IndexCount> {
  const text = `select count(*)::int as chunks, count(embedding)::int as embedded, count(neighbours)::int as linked
    from chunks where document_id = $1`;
  const { rows } = await sql.query<IndexCount>(text, [documentId]);
  return rows[0] ?? { chunks: 0, embedded: 0, linked: 0 };
}

/** Gives a workspace the configuration that one gets which says nothing else. Done again, it changes nothing. */
export async function configure(sql: Sql, workspaceId: string): Promise<{ readonly embeddingModel: string }> {
  await sql.query(
    `insert into rag_configs select $1, chunk_chars, embedding_model from default_rag_configs
     on conflict (workspace_id) do nothing`,
    [workspaceId],
  );
  const { rows } = await sql.query<{ embeddingModel: string }>(
    `select embedding_model as "embeddingModel" from rag_configs where workspace_id = $1`,
    [workspaceId],
  );
  if (rows[0] === undefined) throw new Error("There is no configuration to begin with.");
  return rows[0];
}

/** Commits what `work` wrote, or nothing of it. */
export async function inTransaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query("begin");
    const result = await work(tx);
    await tx.query("commit");
    tx.release();
    return result;
  } catch (error) {
    // A connection whose rollback fails as well is not used again.
    const broken = await tx.query("rollback").then(
      () => false,
      () => true,
    );
    tx.release(broken);
    throw error;
  }
}
