// Every default of the protocol, with its reason. Milliseconds and bytes, as the names say.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const KIB = 1024;

/** What one kind may set for itself. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** How long an event is tried, from its first try on, and how long each wait between tries may be. */
export interface NotifierRetry {
  readonly giveUpAfterMs: number;
  readonly baseMs: number;
  readonly capMs: number;
}

/** The pace and the bounds of the protocol; `createWaybill({ policy })` overrides single ones. */
export interface Policy {
  readonly retry: RetryPolicy;
  readonly leaseMs: number;
  readonly sendGraceMs: number;
  readonly notifyGraceMs: number;
  readonly redispatchAfterMs: number;
  readonly redispatchCapMs: number;
  readonly pollEveryMs: number;
  readonly pollCapMs: number;
  readonly pollLeaseMs: number;
  readonly awaitTimeoutMs: number;
  readonly maxReleases: number;
  readonly maxRedrives: number;
  readonly redriveAfterMs: number;
  readonly redriveCapMs: number;
  readonly maxPayloadBytes: number;
  readonly maxMetadataBytes: number;
  readonly maxProgressBytes: number;
  readonly maxCheckpointBytes: number;
  readonly maxDetailsBytes: number;
  readonly maxHistoryEntries: number;
  readonly maxHistoryBytes: number;
  readonly maxWarnings: number;
  readonly maxTextChars: number;
  readonly progressEveryMs: number;
  readonly watchEveryMs: number;
  readonly retainMs: number;
  readonly parkAfterMs: number;
  readonly parkedRetainMs: number;
  readonly takeDueHoldMs: number;
  readonly reconcileBusyMs: number;
  readonly reconcileIdleMs: number;
  readonly unknownRetryMs: number;
  readonly storeTimeoutMs: number;
  readonly notifier: NotifierRetry;
}

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
