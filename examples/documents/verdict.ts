// What is true at the end: asked of the store, the table, the index and the pages, over connections of its own.
import type { Pool } from "pg";
import { ingest } from "./documents.jobs.js";
import type { DocumentsWaybill } from "./open-waybill.js";
import { indexOf } from "./tables.js";

/** What is expected of a document: how many chunks there are in it; 0: it cannot be read. */
export interface Expected {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly chunks: number;
}

/** A page at the end: what it shows, and all that it was ever sent. */
export interface PageEnd {
  readonly user: string;
  shown(documentId: string): string | null;
  readonly received: readonly string[];
}

/** How a document ended. What could not be read is `null`, and counts as wrong. */
export interface End {
  readonly id: string;
  readonly row: string | null;
  readonly page: string | null;
  /** Chunks that can be found. */
  readonly indexed: number;
  /** Why there is nothing to be found, as the row says it; `null`: it does not. */
  readonly error: string | null;
  readonly isRight: boolean;
}

export interface Verdict {
  readonly ends: readonly End[];
  readonly right: number;
  readonly foreignBytes: number;
  readonly undelivered: number;
  readonly isTrue: boolean;
}

export async function judge(
  { waybill, pool }: { readonly waybill: DocumentsWaybill; readonly pool: Pool },
  expected: readonly Expected[],
  pages: readonly PageEnd[],
): Promise<Verdict> {
  const ends = await Promise.all(
    expected.map((one) =>
      endOf(waybill, pool, one, pageOf(pages, one)).catch((): End => ({
        id: one.id,
        row: null,
        page: null,
        indexed: 0,
        error: null,
        isRight: false,
      })),
    ),
  );
  const right = ends.filter(({ isRight }) => isRight).length;
  const foreign = await foreignBytes(waybill, expected, pages);
  const { items } = await waybill.undelivered();
  const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from documents");
  const isTrue =
    right === expected.length && foreign + items.length === 0 && rows[0]?.n === expected.length && right > 0;
  return { ends, right, foreignBytes: foreign, undelivered: items.length, isTrue };
}

function pageOf(pages: readonly PageEnd[], { id, user }: Expected): string | null {
  return pages.find((page) => page.user === user)?.shown(id) ?? null;
}

async function endOf(
  waybill: DocumentsWaybill,
  pool: Pool,
  { id, user, chunks }: Expected,
  page: string | null,
): Promise<End> {
  const job = await waybill.latest(ingest, `document:${id}`, { owner: user });
  const { rows } = await pool.query<{ status: string; chunks: number | null; error: string | null }>(
    "select processing_status as status, chunk_count as chunks, processing_error as error from documents where id = $1",
    [id],
  );
  const [row] = rows;
  const { linked } = await indexOf(pool, id);
  const history = job === null ? null : await waybill.history(ingest, job.id);
  const outcomes = (history?.events ?? []).filter(
    ({ type }) => type === "job.completed" || type === "job.failed",
  );
  const agree = job?.word === row?.status && page === row?.status && outcomes.length === 1;
  const isSo =
    chunks > 0
      ? job?.status === "COMPLETED" &&
        [job.output.chunks, row?.chunks, linked].every((count) => count === chunks)
      : job?.status === "FAILED" && row?.error === "Not a PDF" && linked === 0;
  const { status = null, error = null } = row ?? {};
  return { id, row: status, page, indexed: linked, error, isRight: agree && isSo };
}

/** Bytes of what a page was sent in which anything of another user's is named. */
async function foreignBytes(
  waybill: DocumentsWaybill,
  expected: readonly Expected[],
  pages: readonly PageEnd[],
): Promise<number> {
  let bytes = 0;
  for (const { user, received } of pages) {
    const others = expected.filter((one) => one.user !== user);
    const names = others.flatMap((one) => [`"${one.id}"`, `document:${one.id}"`, one.name, `"${one.user}"`]);
    const jobs = await Promise.all(others.map((one) => waybill.latest(ingest, `document:${one.id}`)));
    names.push(...jobs.flatMap((job) => (job === null ? [] : [job.id])));
    const foreign = received.filter((text) => names.some((name) => text.includes(name)));
    bytes += foreign.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  }
  return bytes;
}

/** The same of the naive build, which has a row, a page and an index. */
export async function judgeNaive(
  pool: Pool,
  expected: readonly Expected[],
  pages: readonly PageEnd[],
): Promise<readonly End[]> {
  const { rows } = await pool.query<{ id: string; status: string; indexed: number }>(
    `select id, status, (select count(*)::int from naive_chunks where document_id = naive_documents.id) as indexed
     from naive_documents`,
  );
  return expected.map((one) => {
    const row = rows.find(({ id }) => id === one.id);
    const page = pageOf(pages, one);
    const right = one.chunks > 0 ? "ready" : "failed";
    const isRight = row?.status === right && page === right && row.indexed === one.chunks;
    return { id: one.id, row: row?.status ?? null, page, indexed: row?.indexed ?? 0, error: null, isRight };
  });
}
