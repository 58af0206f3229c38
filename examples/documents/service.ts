// What people ask for: each with its user, each answered with what the store says.
import type { Pool } from "pg";
import { problemResponse } from "waybill/http";
import { ingest, provision } from "./documents.jobs.js";
import type { DocumentsWaybill } from "./open-waybill.js";
import {
  addDocument,
  addWorkspace,
  documentsOf,
  inTransaction,
  workspaceOf,
  workspacesOf,
} from "./tables.js";

export interface Service {
  readonly waybill: DocumentsWaybill;
  readonly pool: Pool;
}

const MOST_FILE_BYTES = 5_000_000;
const MOST_NAME_CHARS = 200;

/** Row and job are in one transaction: there are both, or there is neither. Its message goes out after it. */
async function makeWorkspace({ waybill, pool }: Service, user: string, name: string): Promise<Response> {
  if (!isName(name)) return refusal(422, "A workspace needs a name of at most 200 characters.");
  const made = await inTransaction(pool, async (tx) => {
    const id = await addWorkspace(tx, user, name);
    const job = await waybill.submit(provision, { workspaceId: id }, { owner: user, tx }).unwrap();
    return { id, job };
  });
  await handOver(waybill, made.job.id);
  return Response.json({ id: made.id }, { status: 202 });
}

/**
 * What is committed is there, whatever becomes of this: an error here would have people upload it twice. What is not handed
 * over now, the reconciler hands over.
 */
async function handOver(waybill: DocumentsWaybill, jobId: string): Promise<void> {
  await waybill
    .dispatch(jobId)
    .unwrap()
    .catch((error: unknown) => {
      console.warn("a job will be handed over by the reconciler", error);
    });
}

/** The same for a document, in a workspace of this user that is set up. */
async function upload(
  service: Service,
  user: string,
  workspaceId: string,
  request: Request,
): Promise<Response> {
  const { waybill, pool } = service;
  const name = new URL(request.url).searchParams.get("name") ?? "";
  const workspace = await workspaceOf(pool, user, workspaceId);
  if (workspace === null) return refusal(404, "There is no such workspace.");
  if (workspace.status !== "ready" && !(await isSetUp(waybill, user, workspaceId)))
    return refusal(409, "The workspace is not set up yet.");
  if (!isName(name)) return refusal(422, "A document needs a name of at most 200 characters.");
  if (Number(request.headers.get("content-length") ?? Infinity) > MOST_FILE_BYTES)
    return refusal(413, "A document has at most 5 MB.");
  const content = new Uint8Array(await request.arrayBuffer());
  const made = await inTransaction(pool, async (tx) => {
    const id = await addDocument(tx, { user, workspaceId, name, content });
    const job = await waybill.submit(ingest, { documentId: id }, { owner: user, tx }).unwrap();
    return { id, job };
  });
  await handOver(waybill, made.job.id);
  return Response.json({ id: made.id }, { status: 202 });
}

/** The row follows its job a moment later, and whoever hears of the job uploads at once. */
async function isSetUp(waybill: DocumentsWaybill, user: string, workspaceId: string): Promise<boolean> {
  const job = await waybill.latest(provision, `workspace:${workspaceId}`, { owner: user });
  return job?.status === "COMPLETED";
}

/** Runs what failed again, as a new job. Asked for twice: the same new job. */
async function again({ waybill }: Service, user: string, kind: string, id: string): Promise<Response> {
  const def = kind === "documents" ? ingest : provision;
  const subject = `${kind === "documents" ? "document" : "workspace"}:${id}`;
  const failed = await waybill.latest(def, subject, { owner: user });
  if (failed === null) return refusal(404, "There is nothing of that name.");
  const rerun = await waybill.rerun(failed.id, {
    owner: user,
    actor: user,
    idempotencyKey: `again:${failed.id}`,
  });
  return rerun.ok ? Response.json({ id: rerun.value.id }, { status: 202 }) : problemResponse(rerun.error);
}

/**
 * `GET /api/workspaces` · `GET /api/documents` · `POST /api/workspaces?name=` · `POST /api/workspaces/{id}/documents?name=` ·
 * `POST /api/{workspaces|documents}/{id}/again`. What is not this user's is as unknown as what is not there.
 */
export async function answerApi(service: Service, user: string, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, , kind = "", id, action] = pathname.split("/");
  try {
    if (kind !== "workspaces" && kind !== "documents") return refusal(404, "There is nothing here.");
    if (request.method === "GET" && id === undefined) {
      const rows = await (kind === "workspaces" ? workspacesOf : documentsOf)(service.pool, user);
      return Response.json(rows, { headers: { "cache-control": "no-store" } });
    }
    if (request.method !== "POST") return refusal(405, "That is not done here.");
    if (kind === "workspaces" && id === undefined)
      return await makeWorkspace(service, user, searchParams.get("name") ?? "");
    if (kind === "workspaces" && action === "documents")
      return await upload(service, user, id ?? "", request);
    if (action === "again") return await again(service, user, kind, id ?? "");
    return refusal(404, "There is nothing here.");
  } catch (error) {
    return problemResponse(error);
  }
}

function refusal(status: number, detail: string): Response {
  return Response.json(
    { status, detail },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}

function isName(name: string): boolean {
  return name.trim() !== "" && name.length <= MOST_NAME_CHARS;
}
