import { KEPT_ENTRIES, type Policy } from "../defaults.js";
import { encodeHistory, type HistoryEntry, historyOf, joinHistory } from "../history.js";
import type { Snapshot } from "../record.js";
import { cursorOf } from "./cursors.js";

interface Trim {
  readonly history: string;
  readonly trimmed: readonly HistoryEntry[];
}

/**
 * Takes entries from the old end of a history that grows beyond its bounds, as far as nobody needs them: delivered
 * everywhere, not among the newest, and older than any writer that may still have to recognise its own entry.
 *
 * @returns `null` when nothing is to be trimmed: the write then appends
 */
export function trimHistory(
  { record, cursors }: Snapshot,
  appended: string,
  added: number,
  { now, policy }: { readonly now: number; readonly policy: Policy },
): Trim | null {
  // Entries are far longer than 32 bytes: below this no count can be over the limit, and nothing is parsed.
  if (record.history.length < Math.min(policy.maxHistoryEntries * 32, policy.maxHistoryBytes / 4))
    return null;
  const entries = historyOf(record);
  const delivered = Math.min(
    Number.POSITIVE_INFINITY,
    ...record.notifiers.map((name) => cursorOf(cursors, name).upTo),
  );
  const youngest = now - policy.unknownRetryMs;
  let bytes = byteLength(joinHistory(record.history, appended));
  let count = 0;
  for (const entry of entries) {
    const kept = entries.length - count + added;
    const over = kept > policy.maxHistoryEntries || bytes > policy.maxHistoryBytes;
    if (!over || kept <= KEPT_ENTRIES || entry.version > delivered || entry.at > youngest) break;
    bytes -= byteLength(encodeHistory([entry])) + 1;
    count += 1;
  }
  if (count === 0) return null;
  return {
    history: joinHistory(encodeHistory(entries.slice(count)), appended),
    trimmed: entries.slice(0, count),
  };
}

/** Whether an entry that may be left out (a phase, a warning) still fits; status changes are always written. */
export function hasRoom({ record }: Snapshot, policy: Policy): boolean {
  if (record.history.length < Math.min(policy.maxHistoryEntries * 32, policy.maxHistoryBytes / 4))
    return true;
  return (
    historyOf(record).length < policy.maxHistoryEntries && byteLength(record.history) < policy.maxHistoryBytes
  );
}

/** Of the text as UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
