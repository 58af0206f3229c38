// Three workers, each a process with a loop of its own: `workers.ts ingest`, `workers.ts embed`, `workers.ts graph`.
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Pool } from "pg";
import { isFinal, PermanentError } from "waybill";
import { ingest, provision } from "./documents.jobs.js";
import { DONE, type Fate, later, queueOf, type Role, runLoop, sendWork, type WorkMessage } from "./loops.js";
import { type DocumentsWaybill, type Environment, openWaybill } from "./open-waybill.js";
import { chunked, embedded, neighboursOf, textOfPdf, UnreadableFile } from "./pdf.js";
import {
  chunksOf,
  configure,
  contentOf,
  indexOf,
  putChunks,
  putEmbeddings,
  putNeighbours,
} from "./tables.js";

const EMBEDDING_MODEL = "hashed-64";

export interface Means {
  readonly waybill: DocumentsWaybill;
  readonly pool: Pool;
  /** Hands a document on to the next worker. */
  readonly send: (next: Role, message: WorkMessage) => Promise<void>;
  /** How long each step takes at least: small files would be done before anybody saw them. */
  readonly stepMs: number;
}

/**
 * Parses and cuts a document under a claim, and hands it on. The message may go when Waybill says so: when what became of
 * the job is stored.
 */
export async function takeIn(means: Means, { jobId, documentId }: WorkMessage): Promise<Fate> {
  const claimed = await means.waybill.claim(ingest, jobId, { name: "ingest" });
  if (!claimed.ok) return claimed.error.acknowledge ? DONE : later(claimed.error.retryAfterMs ?? 1_000);
  await using claim = claimed.value;
  const end = await readDocument(means, claim)
    // Before it is known to be handed on: who takes it up too early is told to come again.
    .then(() => means.send("embed", { jobId, documentId }))
    .then(() => claim.track({ jobId }))
    .catch((error: unknown) => claim.fail(forPeople(error)));
  return end.acknowledge ? DONE : later(end.retryAfterMs ?? 1_000);
}

interface Reading {
  readonly input: { readonly documentId: string };
  readonly job: { readonly owner: string | null };
  readonly phase: (name: "parsing" | "chunking") => void;
}

async function readDocument({ pool, stepMs }: Means, { input, job, phase }: Reading): Promise<void> {
  phase("parsing");
  const document = await contentOf(pool, job.owner, input.documentId);
  if (document === null) throw new UnreadableFile("There is no such document");
  await sleep(stepMs);
  const text = textOfPdf(document.content);
  phase("chunking");
  await sleep(stepMs);
  await putChunks(pool, input.documentId, chunked(text, document.chunkChars));
}

/** What is wrong with the file will not get better, and its uploader may know; everything else is tried again. */
function forPeople(error: unknown): unknown {
  return error instanceof UnreadableFile ? new PermanentError(error.message, { expose: true }) : error;
}

/** Gives each chunk its vector, and hands the document on. */
export async function embed(means: Means, message: WorkMessage): Promise<Fate> {
  const { pool, stepMs } = means;
  const told = await tell(means, message, "embedding");
  if (told !== null) return told;
  await sleep(2 * stepMs);
  const chunks = await chunksOf(pool, message.documentId);
  await putEmbeddings(
    pool,
    message.documentId,
    chunks.map(({ text }) => embedded(text)),
  );
  await means.send("graph", message);
  return DONE;
}

/** Links each chunk to its nearest. Whether the document is ready is not its to say: the poll looks into the index. */
export async function link(means: Means, message: WorkMessage): Promise<Fate> {
  const { pool, stepMs } = means;
  const told = await tell(means, message, "indexing");
  if (told !== null) return told;
  await sleep(stepMs);
  const chunks = await chunksOf(pool, message.documentId);
  await putNeighbours(pool, message.documentId, neighboursOf(chunks.map(({ embedding }) => embedding ?? [])));
  return DONE;
}

/** `null`: the work goes on. Else what becomes of its message: too early, it comes again; the job is over, it goes. */
async function tell(
  { waybill, pool }: Means,
  { jobId, documentId }: WorkMessage,
  phase: "embedding" | "indexing",
): Promise<Fate | null> {
  const progress = await indexOf(pool, documentId);
  const told = await waybill.report(ingest, { ref: jobId }, { state: "open", phase, progress });
  if (told.ok) return null;
  // By its reference, what is over is as unknown as what is still to begin; this message names the job itself.
  const job = await waybill.get(ingest, jobId);
  return job === null || isFinal(job.status) ? DONE : later(200);
}

/** Only what is in the index proves that a document is ready. */
export function proving(pool: Pool, pollEveryMs: number) {
  return ingest.handle({
    poll: async ({ job }) => {
      const progress = await indexOf(pool, job.input.documentId);
      const { chunks, embedded: done, linked } = progress;
      if (chunks > 0 && linked === chunks)
        return { state: "done", output: { chunks, embeddingModel: EMBEDDING_MODEL }, progress };
      return { state: "open", phase: done < chunks ? "embedding" : "indexing", progress };
    },
    pollEveryMs,
  });
}

export function provisioning(pool: Pool, stepMs: number) {
  return provision.handle(async ({ input }) => {
    await sleep(2 * stepMs);
    return configure(pool, input.workspaceId);
  });
}

const HANDLE = { ingest: takeIn, embed, graph: link } as const;

/** Works until the signal aborts. The ingest worker also sets up workspaces and looks into the index. */
async function work(
  role: Role,
  environment: Environment,
  stepMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { waybill, pool, close } = openWaybill(environment);
  const { RABBITMQ_URL: url, RABBITMQ_EXCHANGE: exchange } = environment;
  const send: Means["send"] = (next, message) => sendWork(url, queueOf(exchange, next), message);
  const means: Means = { waybill, pool, stepMs, send };
  const loop = runLoop({ url, exchange, role, signal, handle: (message) => HANDLE[role](means, message) });
  const handlers =
    role === "ingest" ? [proving(pool, Math.max(200, stepMs)), provisioning(pool, stepMs)] : [];
  if (handlers.length > 0) await waybill.worker(handlers).run({ signal });
  await loop;
  await close();
}

const [, script = "", role = ""] = process.argv;
if (import.meta.url === pathToFileURL(script).href) {
  const ending = new AbortController();
  process.once("SIGTERM", () => {
    ending.abort();
  });
  const stepMs = Number(process.env["STEP_MS"] ?? 0);
  process.send?.("ready");
  await work(role as Role, process.env as unknown as Environment, stepMs, ending.signal);
}
