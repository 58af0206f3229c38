import type { EventType, ServerEvent } from "../event.js";
import type { Json } from "../json.js";
import type { JobStatus } from "../lifecycle.js";
import type { FailureReason } from "../record.js";

/**
 * An event as it leaves the server: `JobEvent` with its instant as ISO 8601 text. Consumers order events of a job by
 * `version` alone, and apply one only if it is higher than what they have.
 */
export interface EventJson {
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
  /** Only where the kind's `project` names it. */
  readonly metadata?: Json;
  /** Only where the kind's `project` names it. */
  readonly actor?: string | null;
}

/** What of an event a kind lets out beside the rest: the part of its `project` that events have. */
export interface EventProjection {
  readonly metadata?: ((metadata: Json) => Json) | undefined;
  readonly actor?: ((actor: string) => string | null) | undefined;
}

/**
 * The public form of an event. Each field is named here, so that one which the server's event gains stays inside; the trace
 * always does. Its keys have one order, and its JSON text is the same at every repetition.
 */
export function eventToJson(event: ServerEvent, project: EventProjection = {}): EventJson {
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
    ...(project.metadata && { metadata: project.metadata(event.metadata) }),
    ...(project.actor && { actor: event.actor === null ? null : project.actor(event.actor) }),
  };
}
