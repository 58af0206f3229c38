import { historyOf } from "../job/history.js";
import type { JobRecord } from "../job/record.js";

/** Why a claim that lapsed is told of in the history. */
export const LAPSED = "lease_lost";

/**
 * Whether a claimed job may be what ends its process, or was only beside it: a claim of it has lapsed before, and this
 * attempt is its last. It is run alone, so that it neither takes others along nor is taken along.
 */
export function isSuspect(record: JobRecord): boolean {
  const { attempt, maxAttempts } = record;
  // Most jobs are at their first attempt: no history is read for them.
  if (attempt < 2 || attempt < maxAttempts) return false;
  return historyOf(record).some(({ edge, reason }) => edge === "T7" && reason === LAPSED);
}
