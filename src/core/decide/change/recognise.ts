import { historyOf } from "../../job/history.js";
import type { JobRecord } from "../../job/record.js";

/**
 * Whether a change whose reply was lost had happened, judged on the record that came back later. Recognition is by
 * position: the entry behind the version that the change was decided on carries the id of whoever wrote there.
 *
 * `unknown`: that place was trimmed. Only for changes that append an entry.
 */
export function recognise(
  record: JobRecord,
  observedVersion: number,
  transitionId: string,
): "applied" | "not_applied" | "unknown" {
  const entries = historyOf(record);
  const mine = entries.find((entry) => entry.version === observedVersion + 1);
  if (mine !== undefined) return mine.transitionId === transitionId ? "applied" : "not_applied";
  const first = entries[0];
  const trimmed = record.historyTrimmed > 0 && (first === undefined || first.version > observedVersion + 1);
  return trimmed ? "unknown" : "not_applied";
}
