import type { Pool } from "pg";
import { defineNotifier, type Notifier, type PublishContext, type PublishResult } from "waybill";

type Change = Parameters<Notifier["publish"]>[0][number];
type Kind = "document.process" | "workspace.provision";

/**
 * A row follows its newest job: what is late, doubled or out of order changes nothing. Ids of jobs rise with time, and a job
 * that is run again is a new one that begins at version 1: by the version alone the row would stand still from then on.
 */
const NEWER = `(status_job, status_version) < ($3 collate "C", $4::integer) and user_id = $2`;

const FOLLOW_DOCUMENT = `
  update documents set processing_status = $5, processing_error = $6, chunk_count = $7, metadata = $8,
    status_job = $3, status_version = $4
  where id = $1 and ${NEWER}`;

const FOLLOW_WORKSPACE = `
  update workspaces set status = $5, status_message = $6, status_job = $3, status_version = $4
  where id = $1 and ${NEWER}`;

/** Keeps `documents.processing_status` and `workspaces.status`, which other services read with SQL, as the jobs are. */
export function statusColumn(pool: Pick<Pool, "query">): Notifier<Kind> {
  return defineNotifier({
    kinds: ["document.process", "workspace.provision"],
    publish: async (events, context) => {
      const results: PublishResult[] = [];
      for (const event of events) {
        await (event.kind === "document.process" ? followDocument : followWorkspace)(pool, event, context);
        results.push({ status: "delivered" });
      }
      return results;
    },
  });
}

async function followDocument(
  pool: Pick<Pool, "query">,
  event: Change,
  context: PublishContext,
): Promise<void> {
  const isReady = event.type === "job.completed";
  const output = isReady ? (((await context.view(event.jobId))?.output ?? null) as Indexed | null) : null;
  await pool.query(FOLLOW_DOCUMENT, [
    ...placeOf(event),
    event.word,
    event.type === "job.failed" ? event.message : null,
    output?.chunks ?? null,
    JSON.stringify(output === null ? {} : { embedding_model: output.embeddingModel }),
  ]);
}

interface Indexed {
  readonly chunks: number;
  readonly embeddingModel: string;
}

async function followWorkspace(pool: Pick<Pool, "query">, event: Change): Promise<void> {
  await pool.query(FOLLOW_WORKSPACE, [...placeOf(event), event.word, event.message]);
}

/** The row, whose it must be, and the change that it shows from then on. */
function placeOf({ subject, owner, jobId, version }: Change) {
  return [subject?.split(":")[1] ?? null, owner, jobId, version];
}
