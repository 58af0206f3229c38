// Every default of the protocol, with its reason. Milliseconds and bytes, as the names say.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;

/** How often a failed attempt is followed by another, and when; a kind may set its own. */
export interface RetryPolicy {
  /** How often a job is run at most, the first time included. */
  readonly maxAttempts: number;
  /** The longest wait before the second attempt; doubles at each further one. The wait is drawn evenly from 0 up to it. */
  readonly baseMs: number;
  /** Up to this. */
  readonly capMs: number;
}

/** How long an event is tried, from its first try on, and how long each wait between tries may be. */
export interface NotifierRetry {
  readonly giveUpAfterMs: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * The pace and the bounds of the protocol; `createWaybill({ policy })` overrides single ones, `retry` and `notifier` as a
 * whole. Give every process of a service the same.
 */
export interface Policy {
  /** Of kinds that say nothing else. */
  readonly retry: RetryPolicy;
  /** How long a claim holds without a sign of life, where its kind says nothing else. */
  readonly leaseMs: number;
  /** How old an unsent message must be before a reconciler sends it instead of its submitter. */
  readonly sendGraceMs: number;
  /** How old an untold change must be before a reconciler tells it instead of its author. */
  readonly notifyGraceMs: number;
  /** How old an unclaimed hand-over must be before it is sent again, where its queue says nothing else; doubles each time. */
  readonly redispatchAfterMs: number;
  /** Up to this. */
  readonly redispatchCapMs: number;
  /** How often external work is looked at, where neither the handler nor the last look says otherwise. */
  readonly pollEveryMs: number;
  /** The longest wait after looks that failed. */
  readonly pollCapMs: number;
  /** How long one look may take before another process takes it over. */
  readonly pollLeaseMs: number;
  /** How long external work may stay open, where its handler says nothing else. */
  readonly awaitTimeoutMs: number;
  /** How often a shutdown gives a running job back without using up an attempt. */
  readonly maxReleases: number;
  /** How often a dead letter is handed over again before its job is FAILED. */
  readonly maxRedrives: number;
  /** The pause before that; doubles each time. */
  readonly redriveAfterMs: number;
  /** Up to this. */
  readonly redriveCapMs: number;
  /** Of an input or output; never more than the store takes. */
  readonly maxPayloadBytes: number;
  /** Of a job's metadata; more is refused with `input.too_large`. */
  readonly maxMetadataBytes: number;
  /** Of a job's progress. */
  readonly maxProgressBytes: number;
  /** Of a checkpoint, and of a reference to external work. */
  readonly maxCheckpointBytes: number;
  /** Of a failure's `details`; more is left out. */
  readonly maxDetailsBytes: number;
  /** Of a history; beyond it the oldest are trimmed, and given to `onTrim`. */
  readonly maxHistoryEntries: number;
  /** The same, by size. */
  readonly maxHistoryBytes: number;
  /** Of one job. */
  readonly maxWarnings: number;
  /** Of a message, a reason or a warning; the rest is cut. */
  readonly maxTextChars: number;
  /** The least time between two writes of a job's progress. */
  readonly progressEveryMs: number;
  /** How often a watcher reads although nothing told of a change. */
  readonly watchEveryMs: number;
  /** How long a settled job is kept, where its kind says nothing else. */
  readonly retainMs: number;
  /** How long a message of an unknown job is left before it is put aside: its transaction may not be committed yet. */
  readonly parkAfterMs: number;
  /** How long what was put aside is kept. */
  readonly parkedRetainMs: number;
  /** How long a reconciler keeps from others what it has taken, at most 30 s; a worker's pass takes no longer. */
  readonly takeDueHoldMs: number;
  /** Between two passes of a reconciler, while there is something to do. */
  readonly reconcileBusyMs: number;
  /** Between two passes, while there is not. */
  readonly reconcileIdleMs: number;
  /** How long a change with an unknown outcome is asked again before the caller is told. */
  readonly unknownRetryMs: number;
  /** How long a call of the store may take. */
  readonly storeTimeoutMs: number;
  /** Of notifiers that say nothing else. */
  readonly notifier: NotifierRetry;
}

/** What holds where `createWaybill({ policy })` says nothing else, with the reason for each number. */
export const DEFAULT_POLICY: Policy = {
  /** Three tries with a second between survive a restart of most things; five minutes is the most a person waits. */
  retry: { maxAttempts: 3, baseMs: SECOND, capMs: 5 * MINUTE },
  /** Long enough for a garbage collection or a slow network, short enough that a crash is noticed while somebody waits. */
  leaseMs: 30 * SECOND,
  /** The submitter itself sends within milliseconds; the reconciler steps in when it has had time to do so. */
  sendGraceMs: 15 * SECOND,
  /** The process that made a change publishes it first; the reconciler is second. */
  notifyGraceMs: 5 * SECOND,
  /** Above the five minutes in which FIFO queues swallow duplicates, below half of the shortest usual retention. */
  redispatchAfterMs: 10 * MINUTE,
  redispatchCapMs: 6 * HOUR,
  /** What operators poll by hand. */
  pollEveryMs: 30 * SECOND,
  pollCapMs: 10 * MINUTE,
  /** A poll is one call to an outside service. */
  pollLeaseMs: MINUTE,
  /** Outside work without news for a day needs a person. */
  awaitTimeoutMs: 24 * HOUR,
  /** A job that always meets a shutdown, or causes it, must run out of attempts in the end. */
  maxReleases: 10,
  /** With the pauses between them about a day: a consumer that is broken overnight fails nothing. */
  maxRedrives: 30,
  /** A consumer that is broken must not be met at once again; one that is mended is met within the hour. */
  redriveAfterMs: MINUTE,
  redriveCapMs: HOUR,
  /** What the largest engines take. Where the store takes less, as DynamoDB does, its own limit holds. */
  maxPayloadBytes: 16 * KIB * KIB,
  maxMetadataBytes: 8 * KIB,
  /** Two hundred servers with a word and a percent each. */
  maxProgressBytes: 32 * KIB,
  maxCheckpointBytes: 64 * KIB,
  /** Of a failure: an account for a person or a form, not a dump. */
  maxDetailsBytes: 4 * KIB,
  maxHistoryEntries: 200,
  maxHistoryBytes: 64 * KIB,
  maxWarnings: 50,
  /** Of a failure, phase message, cancel reason or warning. */
  maxTextChars: 2_000,
  /** Faster than this nobody sees. */
  progressEveryMs: 500,
  /** Repairs what the feed lost. */
  watchEveryMs: 10 * SECOND,
  retainMs: 7 * 24 * HOUR,
  /** A message may overtake a record by a transaction that is not committed yet; a quarter of an hour is not that. */
  parkAfterMs: 15 * MINUTE,
  parkedRetainMs: 14 * 24 * HOUR,
  /** Longer than a pass over one record, short enough that a crashed reconciler delays by seconds only. */
  takeDueHoldMs: 30 * SECOND,
  reconcileBusyMs: SECOND,
  reconcileIdleMs: 5 * SECOND,
  /** How long a change with an unknown outcome is asked again before the caller is told. */
  unknownRetryMs: 10 * SECOND,
  /** A call that hangs holds up all that share its batch: a third of a lease, and no healthy store needs nearly as long. */
  storeTimeoutMs: 10 * SECOND,
  /** A receiver that broke on a Friday evening is mended on Monday; past its first hours it is asked every one or two. */
  notifier: { giveUpAfterMs: 72 * HOUR, baseMs: SECOND, capMs: 2 * HOUR },
};

/** Entries that trimming never takes: the newest ones, which a writer may still have to recognise. */
export const KEPT_ENTRIES = 8;
