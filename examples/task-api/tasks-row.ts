import type { Pool } from "pg";
import { defineNotifier, type Notifier, type PublishContext, type PublishResult } from "waybill";

type Change = Parameters<Notifier["publish"]>[0][number];

/**
 * A row follows its newest job. Ids of jobs rise with time, and a rerun is a new job that begins at version 1 again: by the
 * version alone the row would stand still from then on.
 */
const FOLLOW = `
  update tasks set status = $2, result = $3, updated_at = $4, status_job = $5, status_version = $6
  where id = $1 and (status_job, status_version) < ($5 collate "C", $6::integer)`;

/** Writes each change of a job into the row of its task. */
export function tasksRow(pool: Pool): Notifier<"task"> {
  return defineNotifier({
    kinds: ["task"],
    publish: async (events, context) => {
      const results: PublishResult[] = [];
      for (const event of events) {
        await follow(pool, event, context);
        results.push({ status: "delivered" });
      }
      return results;
    },
  });
}

async function follow(pool: Pool, event: Change, context: PublishContext): Promise<void> {
  const isDone = event.type === "job.completed";
  const result = isDone ? ((await context.view(event.jobId))?.output ?? null) : null;
  const id = Number(event.subject?.replace("task:", ""));
  await pool.query(FOLLOW, [
    ...[id, event.word, result === null ? null : JSON.stringify(result)],
    ...[event.at, event.jobId, event.version],
  ]);
}
