import type { NotifierRetry, Policy } from "../defaults.js";
import { type HistoryEntry, historyOf } from "../history.js";
import type { PublishResult } from "../ports/notifier.js";
import type { AdvanceItem } from "../ports/store.js";
import { type Cursor, type Cursors, mergeCursor, type Snapshot, START } from "../record.js";
import { backoffMs } from "./backoff.js";
import { planWake } from "./change.js";
import { cursorOf } from "./cursors.js";

/** Behind every entry that a record will ever have: the cursor of a retired notifier. */
export const THE_END = Number.MAX_SAFE_INTEGER;

/** The entries that a notifier has not had, lowest first. */
export function undelivered({ record, cursors }: Snapshot, notifier: string): readonly HistoryEntry[] {
  const { upTo } = cursorOf(cursors, notifier);
  return historyOf(record).filter((entry) => entry.version > upTo);
}

/**
 * Moves a cursor over what was offered, entry by entry, up to the first that must be tried again. `upTo` becomes the
 * version of an entry that was delivered or given up *here*, never the record's current version.
 *
 * @param results - for `entries`, in order; shorter where not all were offered
 */
export function afterPublish(
  cursor: Cursor,
  entries: readonly HistoryEntry[],
  results: readonly PublishResult[],
  retry: NotifierRetry,
  { now, random }: { readonly now: number; readonly random: number },
): Cursor {
  let moved = cursor;
  for (const [index, result] of results.entries()) {
    const entry = entries[index];
    if (entry === undefined) break;
    const attempts = moved.attempts + 1;
    if (result.status === "held") return { ...moved, attempts, retryAt: now + Math.max(1, result.afterMs) };
    const over = result.status === "rejected" || (result.status === "retry" && attempts >= retry.maxAttempts);
    if (result.status === "retry" && !over) {
      const waitMs = Math.max(result.afterMs ?? 0, backoffMs(attempts, retry, random), 1);
      return { ...moved, attempts, retryAt: now + waitMs };
    }
    const exhausted = over ? [...moved.exhausted, entry.version] : moved.exhausted;
    moved = { upTo: entry.version, attempts: 0, retryAt: null, exhausted };
  }
  return moved;
}

/** The cursor of a name that nothing is configured for any more. */
export function retire(cursor: Cursor | undefined): Cursor {
  return { ...(cursor ?? START), upTo: THE_END, attempts: 0, retryAt: null };
}

/**
 * The write that moves cursors. Its plan holds for the record and the cursors that it was made on only, so it carries
 * all of them; where the store has moved on, it keeps its own wake-up, or brings it forward to the grace.
 */
export function advance(
  { record, cursors }: Snapshot,
  moved: Cursors,
  { now, policy }: { readonly now: number; readonly policy: Policy },
): AdvanceItem {
  const names = new Set([...Object.keys(cursors), ...Object.keys(moved)]);
  const merged = [...names].map((name): [string, Cursor] => [
    name,
    mergeCursor(cursorOf(cursors, name), cursorOf(moved, name)),
  ]);
  const planned = Object.fromEntries(merged);
  const plan = planWake({ record, cursors: planned }, policy, now);
  const latestWakeAt = now + policy.notifyGraceMs;
  const { id, status, version, token } = record;
  return { id, plannedOn: { status, version, token }, ...plan, latestWakeAt, cursors: planned };
}
