import type { HistoryEntry } from "../../src/core/job/history.js";

/** What was accepted for one job, kept apart from the record itself: nothing here is taken from the library's word. */
export interface JobLog {
  readonly id: string;
  /** Every entry ever stored on this timeline, trimmed ones too. */
  entries: HistoryEntry[];
  /** The write that each transition id took effect in, by the first version that it wrote. */
  tids: Map<string, number>;
  /** Ids of claims that were repeated in doubt and found the job a second time. */
  readonly claimedAgain: Set<string>;
  claims: { readonly token: string; readonly version: number }[];
  /** Status by version. */
  statuses: Map<number, string>;
  /** How long the stored wake-up may lie behind the needs: a reconciler holds it, or an `advance` left it. */
  lateUntil: number;
  /** The longest lease of the current claim: a beat that comes late may have shortened it since. */
  lease: { readonly token: string; readonly until: number } | null;
  /** The store lost acknowledged writes of this job: what was seen of them cannot be held against it. */
  lostWrites: boolean;
  purged: boolean;
  /** Entries of jobs that had this id before and were purged. */
  readonly earlier: HistoryEntry[];
  /** Counts those jobs. */
  life: number;
}

export function newLog(id: string): JobLog {
  return {
    id,
    entries: [],
    tids: new Map(),
    claimedAgain: new Set(),
    claims: [],
    statuses: new Map(),
    lateUntil: 0,
    lease: null,
    lostWrites: false,
    purged: false,
    earlier: [],
    life: 0,
  };
}

/** Forgets what the store lost: the log goes on from the version that is stored now. */
export function fallBack(log: JobLog, version: number): void {
  log.lostWrites = true;
  log.entries = log.entries.filter((entry) => entry.version <= version);
  log.claims = log.claims.filter((claim) => claim.version <= version);
  log.tids = new Map([...log.tids].filter(([, at]) => at <= version));
  log.lateUntil = Number.MAX_SAFE_INTEGER;
}
