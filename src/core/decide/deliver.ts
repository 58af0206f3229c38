import type { NotifierRetry, Policy } from "../defaults.js";
import { type HistoryEntry, historyOf } from "../job/history.js";
import type { PublishResult } from "../ports/notifier.js";
import type { AdvanceItem } from "../ports/store.js";
import { type Cursor, type Cursors, mergeCursor, type Snapshot, START } from "../job/record.js";
import { clip, planWake } from "./change/change.js";
import { cursorOf } from "./change/cursors.js";

/** Behind every entry that a record will ever have: the cursor of a retired notifier. */
export const THE_END = Number.MAX_SAFE_INTEGER;

/** The entries that a notifier has not had, lowest first. */
export function undelivered({ record, cursors }: Snapshot, notifier: string): readonly HistoryEntry[] {
  const { upTo } = cursorOf(cursors, notifier);
  return historyOf(record).filter((entry) => entry.version > upTo);
}

/** No receiver is left alone for longer, whatever it asks for. */
const LONGEST_WAIT_MS = 24 * 60 * 60_000;
const MOST_REASON_CHARS = 200;

/**
 * Moves a cursor over what was offered, entry by entry, up to the first that waits. `upTo` becomes the version of an entry
 * that was delivered or given up *here*, never the record's current version.
 *
 * An entry is given up when it is rejected, or when a try fails after its time is over; `held` uses none of it up.
 *
 * @param results - for `entries`, in order; shorter where not all were offered
 */
export function afterPublish(
  cursor: Cursor,
  entries: readonly HistoryEntry[],
  results: readonly PublishResult[],
  policy: NotifierRetry,
  { now, random }: { readonly now: number; readonly random: number },
): Cursor {
  let moved = cursor;
  for (const [index, result] of results.entries()) {
    const entry = entries[index];
    if (entry === undefined) break;
    if (result.status === "held") return waiting(moved, result, now + boundedWait(result.afterMs));
    if (result.status === "retry") {
      const since = moved.since ?? now;
      if (now - since < policy.giveUpAfterMs) {
        const waitMs = Math.max(
          boundedWait(result.afterMs ?? 0),
          retryMs(now - since, moved.attempts, policy, random),
        );
        return { ...waiting(moved, result, now + waitMs), since };
      }
    }
    moved = result.status === "delivered" ? passed(moved, entry) : givenUp(moved, entry, result.reason);
  }
  return moved;
}

/** A sequence number in `attempts`: of two relays that move it, the store keeps what is newer, a wait as well as a try. */
function waiting(
  cursor: Cursor,
  { reason }: Extract<PublishResult, { readonly reason: string }>,
  retryAt: number,
): Cursor {
  return { ...cursor, attempts: cursor.attempts + 1, retryAt, reason: clip(reason, MOST_REASON_CHARS) };
}

/** The reason stays as long as something that was given up is listed. */
function passed({ exhausted, reason }: Cursor, { version }: HistoryEntry): Cursor {
  return { ...START, upTo: version, exhausted, reason: exhausted.length === 0 ? null : reason };
}

function givenUp({ exhausted }: Cursor, { version }: HistoryEntry, reason: string): Cursor {
  const listed = [...exhausted, version];
  return { ...START, upTo: version, exhausted: listed, reason: clip(reason, MOST_REASON_CHARS) };
}

/** Whole milliseconds, at least one: no retry is at once. */
function boundedWait(ms: number): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(1, Math.ceil(ms)));
}

/**
 * Waits about as long again as the entry has failed already, which doubles; half of it is chance, so that those who failed
 * together do not come back together. By time and not by `attempts`, which counts waits too; but few
 * attempts are no long failure, whatever the clocks of two processes that tried it make of the time between them.
 */
function retryMs(
  failingMs: number,
  attempts: number,
  { baseMs, capMs }: NotifierRetry,
  random: number,
): number {
  const ceiling = Math.min(capMs, Math.max(baseMs, failingMs), baseMs * 2 ** attempts);
  return Math.floor(ceiling / 2 + (ceiling / 2) * random);
}

/** Versions that were given up and have been delivered after all: no longer listed. */
export function redeliver(cursor: Cursor, versions: readonly number[]): Cursor {
  const exhausted = cursor.exhausted.filter((version) => !versions.includes(version));
  const reason = exhausted.length === 0 && cursor.retryAt === null ? null : cursor.reason;
  return { ...cursor, attempts: cursor.attempts + 1, exhausted, reason };
}

/** The cursor of a name that nothing is configured for any more. */
export function retire({ exhausted, reason }: Cursor = START): Cursor {
  return { ...START, upTo: THE_END, exhausted, reason: exhausted.length === 0 ? null : reason };
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
