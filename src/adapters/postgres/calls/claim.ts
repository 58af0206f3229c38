import type { ClaimTerms } from "../../../core/ports/store.js";
import { encodeText } from "../rows/text.js";

/** Terms of a claim, as `t`: the entries come as the parts around the numbers that only the server knows. */
export const TERMS_COLUMNS =
  "worker text, record_version integer, grace_ms bigint, queued_1 text, queued_2 text, queued_3 text, " +
  "started_1 text, started_2 text, started_3 text";

export function termsOf({ worker, recordVersion, notifyGraceMs, queued, started }: ClaimTerms): object {
  return {
    worker: encodeText(worker),
    record_version: recordVersion,
    grace_ms: notifyGraceMs,
    queued_1: queued.afterVersion,
    queued_2: queued.afterAt,
    queued_3: queued.afterAttempt,
    started_1: started.afterVersion,
    started_2: started.afterAt,
    started_3: started.afterAttempt,
  };
}

function entry(template: "queued" | "started", version: string, attempt: string): string {
  return (
    `'[' || (${version})::text || t.${template}_1 || clock.ms::text || t.${template}_2 || ` +
    `(${attempt})::text || t.${template}_3`
  );
}

/**
 * The effect of a claim on the row `j`, under the terms `t`; the claim is in `c`. On the right of `=` stand the values
 * from before it.
 */
export function claimEffect(c: string, token: string, dispatch: string): string {
  const version = "j.version + case j.status when 'PENDING' then 2 else 1 end";
  return [
    "status = 'PROCESSING'",
    `version = ${version}`,
    "history = j.history || case j.history when '' then '' else ',' end || " +
      `case j.status when 'PENDING' then ${entry("queued", "j.version + 1", "j.attempt")} || ',' else '' end || ` +
      entry("started", version, "j.attempt + 1"),
    `dispatch = ${dispatch}`,
    "fence = j.fence + 1",
    "attempt = j.attempt + 1",
    `token = ${token}`,
    "worker = t.worker",
    `lease_until = clock.ms + ${c}.lease_ms`,
    "started_at = coalesce(j.started_at, clock.ms)",
    "queued_at = coalesce(j.queued_at, clock.ms)",
    "ready_at = null",
    "send_at = null",
    "retry_at = null",
    "updated_at = clock.ms",
    // The least of those that there are: null counts for nothing.
    `wake_at = least(clock.ms + ${c}.lease_ms, j.deadline_at, ` +
      "case j.notifiers when '[]' then null else clock.ms + t.grace_ms end)",
  ].join(", ");
}
