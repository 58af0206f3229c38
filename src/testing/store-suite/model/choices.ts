// What calls by chance choose from: names that differ little, instants near and far, and what may follow a status.
import type { EdgeId, JobStatus } from "../../../core/job/lifecycle.js";
import type { RecordPatch } from "../../../core/job/record.js";

export const KINDS: readonly string[] = ["kind.a", "Kind.a", "kind.a.b"];
export const OWNERS: readonly (string | null)[] = [
  null,
  "ann",
  "Ann",
  "o".repeat(255),
  `${"o".repeat(255)}x`,
];
export const SCOPES: readonly (string | null)[] = [
  null,
  null,
  "scope-1",
  "scope-2",
  `sc${"x".repeat(60)}1`,
  `sc${"x".repeat(60)}2`,
];
export const NOTIFIERS: readonly string[] = ["ui", "__proto__"];
export const REF_KEYS: readonly string[] = [
  "ref",
  "ref-1",
  "REF-1",
  "é'\"",
  `${"k".repeat(79)}1`,
  `${"k".repeat(79)}2`,
];
export const FAR_MS = [-600_000, -60_000, 60_000, 600_000] as const;
export const NEAR_MS = [-1_000, -1, 0, 1, 1_000] as const;
export const NO_CLAIM: RecordPatch = { token: null, leaseUntil: null, awaiting: null, cancel: null };

/** What can be written from each status; more than one entry where the core writes more. */
export const EDGES_FROM: Readonly<Record<JobStatus, readonly (readonly EdgeId[])[]>> = {
  PENDING: [[], ["T2"], ["T2"], ["T8"]],
  QUEUED: [[], [], ["T3"], ["T9"]],
  PROCESSING: [
    [],
    ["phase"],
    ["waiting"],
    ["waiting"],
    ["cancel"],
    ["warning"],
    ["T5"],
    ["T5"],
    ["T6"],
    ["T7"],
    ["T7", "T2"],
  ],
  // No guard names a final status: what is written on such a record is refused.
  COMPLETED: [["T6"]],
  FAILED: [["T5"]],
};
