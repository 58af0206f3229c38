import type { Policy } from "../../defaults.js";
import { historyOf } from "../../job/history.js";
import { isFinal } from "../../job/lifecycle.js";
import type { Cursors, JobRecord, Snapshot } from "../../job/record.js";
import { cursorOf } from "./cursors.js";

/** Why somebody must look at a record. */
export type NeedReason = "send" | "redispatch" | "lease" | "poll" | "await_deadline" | "deadline" | "notify";

export interface Need {
  readonly reason: NeedReason;
  readonly at: number;
  /** `notify`: whose turn it is. */
  readonly notifier?: string;
}

/** Everything that a record needs from others, each with its instant. Empty: settled, or in the ready index only. */
export function needs({ record, cursors }: Snapshot, policy: Policy): readonly Need[] {
  const found = isFinal(record.status) ? [] : statusNeeds(record, policy);
  if (!isFinal(record.status) && record.deadlineAt !== null)
    found.push({ reason: "deadline", at: record.deadlineAt });
  for (const name of undeliveredTo(record, cursors)) {
    const at = cursorOf(cursors, name).retryAt ?? record.updatedAt + policy.notifyGraceMs;
    found.push({ reason: "notify", at, notifier: name });
  }
  return found;
}

function statusNeeds(record: JobRecord, policy: Policy): Need[] {
  if (record.status === "PENDING") {
    // The application hands it over itself: only its deadline is left to us.
    if (record.queue === null) return [];
    // A send in the future is nobody's task before; one that is ready is being sent by whoever wrote the record.
    const sendAt = record.sendAt ?? record.updatedAt;
    return [
      { reason: "send", at: sendAt > record.updatedAt ? sendAt : record.updatedAt + policy.sendGraceMs },
    ];
  }
  if (record.status === "QUEUED")
    return record.sendAt === null ? [] : [{ reason: "redispatch", at: record.sendAt }];
  if (record.awaiting !== null) {
    return [
      { reason: "poll", at: record.poll?.until ?? record.awaiting.nextPollAt },
      { reason: "await_deadline", at: record.awaiting.deadlineAt },
    ];
  }
  // Absent is never "expired": without a lease nobody may sweep.
  return record.leaseUntil === null ? [] : [{ reason: "lease", at: record.leaseUntil }];
}

/** The earliest of all needs; `null`: none. Stale cursors in the snapshot only make it earlier. */
export function wakeAt(snapshot: Snapshot, policy: Policy): number | null {
  const instants = needs(snapshot, policy).map((need) => need.at);
  return instants.length === 0 ? null : Math.min(...instants);
}

/** The version of the newest entry; 0: none stored. Not the record's version, which grows without entries too. */
export function lastEntryVersion(record: JobRecord): number {
  const entries = historyOf(record);
  return entries[entries.length - 1]?.version ?? 0;
}

/** The names that have not delivered the newest entry. */
export function undeliveredTo(record: JobRecord, cursors: Cursors): readonly string[] {
  // Most jobs have no notifier: their history is not parsed for it.
  if (record.notifiers.length === 0) return [];
  const last = lastEntryVersion(record);
  return record.notifiers.filter((name) => cursorOf(cursors, name).upTo < last);
}

/** Final, and every entry delivered to (or given up by) every notifier of the record. Only then may it have no wake-up. */
export function isSettled({ record, cursors }: Snapshot): boolean {
  return isFinal(record.status) && undeliveredTo(record, cursors).length === 0;
}
