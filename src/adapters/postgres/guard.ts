import type { WriteGuard } from "../../core/ports/store.js";
import type { JobRecord } from "../../core/record.js";

/** The guard's part of a batch's row. */
export const GUARD_COLUMNS =
  "guard_status text, guard_version integer, guard_token text, guard_dispatch integer, guard_lease bigint";

/** What must hold of the row `j`, on the guard in `w` and by the server's clock. */
export const GUARD =
  "j.status = w.guard_status and j.version = w.guard_version and j.token is not distinct from w.guard_token " +
  "and (w.guard_dispatch is null or j.dispatch = w.guard_dispatch) " +
  "and (w.guard_lease is null or (j.lease_until = w.guard_lease and j.lease_until <= clock.ms))";

/** The same, on what a refusal showed: whether it contradicts itself. */
export function holds(record: JobRecord, guard: WriteGuard, nowMs: number): boolean {
  if (record.status !== guard.status || record.version !== guard.version) return false;
  if (record.token !== guard.token) return false;
  if (guard.dispatch !== undefined && record.dispatch !== guard.dispatch) return false;
  const lease = guard.expiredLease;
  return lease === undefined || (record.leaseUntil === lease && lease <= nowMs);
}
