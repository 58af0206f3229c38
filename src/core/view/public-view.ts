import type { Json } from "../json/json.js";
import type { JobStatus } from "../job/lifecycle.js";
import type { FailureReason } from "../job/record.js";

/**
 * A job as it may leave the server, of whatever kind: instants are ISO 8601 text. No input, no claim, no reference, failure
 * text only where it was made public; output, progress, metadata and actor as the kind's `project` lets them through.
 * `JobViewJson<typeof def>` is the same with the types of one kind.
 */
export interface PublicView {
  readonly id: string;
  readonly kind: string;
  readonly status: JobStatus;
  readonly word: string;
  readonly version: number;
  readonly owner: string | null;
  readonly subject: string | null;
  readonly message: string;
  readonly attempt: number;
  readonly createdAt: string;
  readonly queuedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly updatedAt: string;
  readonly durationMs: number | null;
  readonly cancelRequestedAt: string | null;
  readonly origin: string | null;
  /** Only where the kind's `project` names it. */
  readonly metadata?: Json;
  /** PENDING, QUEUED. */
  readonly retryAt?: string | null;
  /** PENDING, QUEUED. */
  readonly lastError?: {
    readonly message: string | null;
    readonly code: string | null;
    readonly at: string;
    readonly attempt: number;
  } | null;
  /** PROCESSING. */
  readonly phase?: string | null;
  /** PROCESSING and FAILED. */
  readonly progress?: Json;
  /** PROCESSING; 0–1. */
  readonly percent?: number | null;
  /** PROCESSING. */
  readonly etaAt?: string | null;
  /** PROCESSING: open external work. */
  readonly awaiting?: {
    readonly since: string;
    readonly nextPollAt: string;
    readonly deadlineAt: string;
  } | null;
  /** COMPLETED. */
  readonly output?: Json;
  /** FAILED. */
  readonly failure?: {
    readonly reason: FailureReason;
    readonly code: string | null;
    readonly message: string;
    readonly attempts: number;
    readonly retryable: boolean;
    readonly phase: string | null;
    readonly details?: Json;
  };
}
