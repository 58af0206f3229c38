import type { Principal } from "../../core/view/access.js";
import type { JobStatus } from "../../core/job/lifecycle.js";
import type { JobChanges } from "../../core/live/changes.js";
import type { KnownVersions, LiveErrorCode, LiveFilter } from "../../core/wire/live.js";

/** What a session needs to know of a view; the rest is written as it is. */
export interface LiveView {
  readonly id: string;
  readonly version: number;
  readonly status: JobStatus;
}

export type LiveChanges = JobChanges<LiveView>;

/** What is asked of `observe` for a subscription. */
export interface LiveAim {
  readonly ids?: readonly string[];
  readonly owner?: string;
  readonly kind: readonly string[];
  readonly subject?: string;
  readonly limit?: number;
}

/**
 * What a caller gets to see of what they ask for. The owner is the credential's: nothing in a filter can name another.
 *
 * @param kinds - those that are shown
 */
export function aimOf(
  filter: LiveFilter | null,
  { owner, sees }: Principal,
  kinds: readonly string[],
): LiveAim | LiveErrorCode {
  if (filter === null) return "subscribe.invalid";
  const { kind } = filter;
  if (kind !== undefined && !kinds.includes(kind)) return "subscribe.invalid";
  const ofKind = { kind: kind === undefined ? kinds : [kind] };
  if ("jobId" in filter) {
    return { ids: [filter.jobId], ...ofKind, ...(sees === "all" ? {} : { owner }) };
  }
  if (filter.owner === "any" && sees !== "all") return "subscribe.forbidden";
  const { subject, limit } = filter;
  return {
    ...ofKind,
    limit,
    ...(filter.owner === "any" ? {} : { owner }),
    ...(subject === undefined ? {} : { subject }),
  };
}

/**
 * The snapshot of a single job for one who says what they know. It is compared here and not by `observe`: the one view is
 * always sent, so that the session sees whether the job is final.
 */
export function resumed(changes: LiveChanges, jobId: string, known: KnownVersions): LiveChanges {
  if (!changes.snapshot) return changes;
  const held = known[jobId] ?? 0;
  const others = Object.keys(known).filter((id) => id !== jobId);
  return {
    ...changes,
    gone: [...changes.gone, ...others],
    reset: changes.jobs.some(({ version }) => version < held),
  };
}
