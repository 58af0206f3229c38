import type { Change, DecideContext, Decision } from "../../../src/core/decide/change/change.js";
import { createRecord, type NewJob } from "../../../src/core/decide/create.js";
import { DEFAULT_POLICY, type Policy } from "../../../src/core/defaults.js";
import { encodeHistory, type HistoryEntry } from "../../../src/core/job/history.js";
import {
  type Awaiting,
  type Cursor,
  type Cursors,
  type JobRecord,
  type Snapshot,
  START,
} from "../../../src/core/job/record.js";

/** When everything in these tests happens. */
export const NOW = 1_700_000_000_000;

export const POLICY: Policy = DEFAULT_POLICY;

export function context(given: Partial<DecideContext> = {}): DecideContext {
  return { now: NOW, policy: POLICY, transitionId: "mine", actor: "ann", random: 0.5, ...given };
}

export const NEW_JOB: NewJob = {
  ...{
    id: "job",
    kind: "mail",
    owner: "o",
    subject: "s",
    metadata: null,
    queue: "q",
    maxAttempts: 3,
    handOver: null,
    trace: null,
  },
  ...{
    notifiers: [],
    origin: null,
    scope: null,
    inputHash: null,
    deadlineAt: null,
    retainMs: 1_000,
    delayMs: 0,
  },
};

export function entry(version: number, given: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    ...{ version, edge: "T1", at: NOW - 60_000, attempt: 0, transitionId: `t${version}` },
    ...{ actor: null, reason: null, text: null, expose: false },
    ...given,
  };
}

/** A record made ten seconds ago, PENDING at version 1, with whatever is given in place of it. */
function record(given: Partial<JobRecord> = {}): JobRecord {
  return { ...createRecord(NEW_JOB, context({ now: NOW - 10_000, transitionId: "t1" })), ...given };
}

export function cursor(upTo: number, given: Partial<Cursor> = {}): Cursor {
  return { ...START, upTo, ...given };
}

export const AWAITING: Awaiting = {
  ...{ ref: { server: 1 }, refKeys: ["server-1"], fence: 1, since: NOW - 5_000, deadlineAt: NOW + 50_000 },
  ...{ nextPollAt: NOW - 1, pollErrors: 2, cancellable: true, cancelSent: false },
};

const CANCEL = { at: NOW - 500, actor: "bob", reason: "not wanted" };

/** A job in each situation that decisions tell apart. */
export const JOB = {
  pending: (given: Partial<JobRecord> = {}) => record(given),
  queued: (given: Partial<JobRecord> = {}) =>
    record({ status: "QUEUED", version: 2, queuedAt: NOW - 9_000, sendAt: NOW - 1, ...given }),
  ready: (given: Partial<JobRecord> = {}) =>
    record({
      ...{ status: "QUEUED", version: 2, queue: null, queuedAt: NOW - 9_000, sendAt: null, readyAt: NOW },
      ...given,
    }),
  running: (given: Partial<JobRecord> = {}) =>
    record({
      ...{ status: "PROCESSING", version: 3, attempt: 1, fence: 1, token: "tok", worker: "w", sendAt: null },
      ...{ leaseUntil: NOW + 20_000, startedAt: NOW - 8_000, queuedAt: NOW - 9_000, phase: "launching" },
      ...{ progress: { done: 1 }, percent: 0.5, etaAt: NOW + 9_000, checkpoint: { page: 2 } },
      ...given,
    }),
  cancelling: (given: Partial<JobRecord> = {}) => JOB.running({ version: 4, cancel: CANCEL, ...given }),
  waiting: (given: Partial<JobRecord> = {}) =>
    JOB.running({ version: 4, token: null, leaseUntil: null, worker: null, awaiting: AWAITING, ...given }),
  polled: (given: Partial<JobRecord> = {}) =>
    JOB.waiting({ version: 5, poll: { token: "poll", until: NOW + 5_000 }, ...given }),
  completed: (given: Partial<JobRecord> = {}) =>
    record({ status: "COMPLETED", version: 4, sendAt: null, finishedAt: NOW - 100, ...given }),
  failed: (given: Partial<JobRecord> = {}) =>
    record({ status: "FAILED", version: 4, sendAt: null, finishedAt: NOW - 100, ...given }),
} as const;

export const FINAL = [
  ["COMPLETED", JOB.completed],
  ["FAILED", JOB.failed],
] as const;

export function snapshot(job: JobRecord, cursors: Cursors = {}): Snapshot {
  return { record: job, cursors };
}

/** A decision that must be a write. */
export function written(decision: Decision): Change {
  if (decision.do !== "write") throw new Error(`no write: ${JSON.stringify(decision)}`);
  return decision;
}

export function edges(decision: Decision): readonly string[] {
  return written(decision).entries.map(({ edge }) => edge);
}

export function history(count: number, given: Partial<HistoryEntry> = {}): string {
  return encodeHistory(Array.from({ length: count }, (_, index) => entry(index + 1, given)));
}

/** A final record has none of these. */
export const CLAIM_CLEARED = {
  token: null,
  leaseUntil: null,
  poll: null,
  awaiting: null,
  cancel: null,
} as const;

export const refused = (reason: string) => ({ do: "refuse", reason });
