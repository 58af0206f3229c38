import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import type { Policy } from "../../src/core/defaults.js";
import type { Cursors, JobRecord } from "../../src/core/job/record.js";

/** Written down a second time from the design, not taken from the core: when somebody must look at a record at the latest. */
export function latestLook(row: StoredRow, lastEntry: number, leaseUntil: number, policy: Policy): number {
  const { record, cursors } = row;
  const needs: number[] = [];
  const final = record.status === "COMPLETED" || record.status === "FAILED";
  if (!final && record.deadlineAt !== null) needs.push(record.deadlineAt);
  if (record.status === "PENDING") {
    needs.push(Math.max(record.sendAt ?? 0, record.updatedAt + policy.sendGraceMs));
  }
  if (record.status === "QUEUED" && record.queue !== null) needs.push(record.sendAt ?? 0);
  if (record.status === "PROCESSING" && record.awaiting !== null) {
    needs.push(record.awaiting.deadlineAt, record.poll?.until ?? record.awaiting.nextPollAt);
  }
  if (record.status === "PROCESSING" && record.awaiting === null) needs.push(leaseUntil);
  for (const name of openNotifiers(record, cursors, lastEntry)) {
    needs.push(Math.max(cursors[name]?.retryAt ?? 0, record.updatedAt + policy.notifyGraceMs));
  }
  return Math.min(...needs);
}

/** Final, and nothing left to tell. */
export function isSettledRow({ record, cursors }: StoredRow, lastEntry: number): boolean {
  const final = record.status === "COMPLETED" || record.status === "FAILED";
  return final && openNotifiers(record, cursors, lastEntry).length === 0;
}

function openNotifiers(record: JobRecord, cursors: Cursors, lastEntry: number): readonly string[] {
  return record.notifiers.filter((name) => (cursors[name]?.upTo ?? 0) < lastEntry);
}
