import type { ServerEvent } from "../job/event.js";
import type { PublicView } from "../view/public-view.js";

/**
 * The flat body: what consumers outside of Waybill read a status from. `job_id`, `version` and `status` are the event's;
 * what a record has beside them is the view's, which may be newer than the event.
 *
 * @param fields - the application's own, which replace all but `job_id` and `version`
 * @throws what `JSON.stringify` throws over such fields
 */
export function encodeFlat(event: ServerEvent, view: PublicView | null, fields: object): string {
  const identity = { job_id: event.jobId, version: event.version };
  return JSON.stringify({
    ...identity,
    event: event.type,
    kind: event.kind,
    status: event.word,
    message: event.message,
    error: event.type === "job.failed" ? event.message : null,
    user_id: event.owner,
    subject: event.subject,
    attempt: event.attempt,
    progress: view?.progress ?? null,
    percent: view?.percent ?? null,
    created_at: view?.createdAt ?? null,
    started_at: view?.startedAt ?? null,
    finished_at: view?.finishedAt ?? null,
    updated_at: event.at.toISOString(),
    ...fields,
    // Again, so that nothing of the application's can stand in their place: consumers tell order and repetition by them.
    ...identity,
  });
}
