import type { EventType, ServerEvent, ShownOfEvent } from "../job/event.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { FailureReason } from "../job/record.js";

/**
 * An event as it leaves the server: `JobEvent` with its instant as ISO 8601 text. Consumers order events of a job by
 * `version` alone, and apply one only if it is higher than what they have.
 */
export interface EventJson extends ShownOfEvent {
  /** `jobId:version`: the same at every repetition and on every channel. */
  readonly id: string;
  readonly type: EventType;
  readonly jobId: string;
  readonly kind: string;
  readonly version: number;
  readonly from: JobStatus | null;
  readonly status: JobStatus;
  readonly word: string;
  readonly message: string;
  readonly at: string;
  readonly attempt: number;
  readonly owner: string | null;
  readonly subject: string | null;
  readonly phase: string | null;
  readonly reason: string | null;
  readonly failureReason: FailureReason | null;
}

/**
 * The public form of an event. Each field is named here, so that one which the server's event gains stays inside; the trace
 * always does. Its keys have one order, and its JSON text is the same at every repetition.
 */
export function eventToJson(event: ServerEvent): EventJson {
  return {
    id: event.id,
    type: event.type,
    jobId: event.jobId,
    kind: event.kind,
    version: event.version,
    from: event.from,
    status: event.status,
    word: event.word,
    message: event.message,
    at: event.at.toISOString(),
    attempt: event.attempt,
    owner: event.owner,
    subject: event.subject,
    phase: event.phase,
    reason: event.reason,
    failureReason: event.failureReason,
    // What `project` names, in one order too.
    ...("metadata" in event.shown && { metadata: event.shown.metadata ?? null }),
    ...("actor" in event.shown && { actor: event.shown.actor ?? null }),
  };
}
