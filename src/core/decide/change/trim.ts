import { KEPT_ENTRIES, type Policy } from "../../defaults.js";
import { encodeHistory, type HistoryEntry, historyOf, joinHistory } from "../../job/history.js";
import type { Snapshot } from "../../job/record.js";
import { cursorOf } from "./cursors.js";

interface Trim {
  readonly history: string;
  readonly trimmed: readonly HistoryEntry[];
}

/** The code of the entry that stands for what was left out undelivered. */
const EVENTS_OMITTED = "events_omitted";
/** What waits is cut further than it must be, so that a full history is not rewritten with each change. */
const ROOM = 0.75;
/** Beyond so many times its bounds a history is cut although somebody may still look for their own entry in it. */
const HARD_BOUND = 2;

/**
 * Takes entries from the old end of a history that grows beyond its bounds. First those that nobody needs: delivered
 * everywhere, not among the newest, and older than any writer that may still have to recognise its own entry. Where that is
 * not enough, the oldest of those that wait for a notifier go too, and one entry in their place says how many they were:
 * a receiver that is away must neither stop a job nor silence what it says now.
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
  let gone = 0;
  const isOver = (times: number): boolean =>
    entries.length - gone + added > policy.maxHistoryEntries * times ||
    bytes > policy.maxHistoryBytes * times;
  const takeWhile = (holds: (entry: HistoryEntry) => boolean): void => {
    for (const entry of entries.slice(gone)) {
      const isKept = entries.length - gone + added <= KEPT_ENTRIES;
      if (isKept || (entry.at > youngest && !isOver(HARD_BOUND)) || !holds(entry)) return;
      bytes -= byteLength(encodeHistory([entry])) + 1;
      gone += 1;
    }
  };
  takeWhile((entry) => isOver(1) && entry.version <= delivered);
  const waitingFrom = gone;
  if (isOver(1)) takeWhile(() => isOver(ROOM));
  // An entry that stands for one other saves nothing.
  if (gone - waitingFrom < 2) gone = waitingFrom;
  if (gone === 0) return null;
  const omitted = entries.slice(waitingFrom, gone);
  const left = [...omission(omitted), ...entries.slice(gone)];
  return {
    history: joinHistory(encodeHistory(left), appended),
    trimmed: entries.slice(0, gone).filter((entry) => omittedBy(entry) === 0),
  };
}

/** One entry in the place of the last that was left out: whoever looks for its author finds them there. */
function omission(omitted: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const last = omitted[omitted.length - 1];
  if (last === undefined) return [];
  const count = omitted.reduce((sum, entry) => sum + (omittedBy(entry) || 1), 0);
  const text = `${String(count)} changes before this were left out: too many waited to be delivered.`;
  return [{ ...last, edge: "warning", actor: null, reason: EVENTS_OMITTED, text, expose: true }];
}

/** How many an entry stands for; 0: it is itself. */
function omittedBy({ edge, reason, text }: HistoryEntry): number {
  return edge === "warning" && reason === EVENTS_OMITTED ? Number.parseInt(String(text), 10) || 0 : 0;
}

/** Of the text as UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
