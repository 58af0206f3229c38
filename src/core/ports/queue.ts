/** What a queue can do, as data. */
export interface QueueCapabilities {
  /** The longest delay that `send` honours, milliseconds; 0: none. Longer delays wait in the store. */
  readonly maxDelayMs: number;
  /**
   * Whether messages of one group keep their order (`groupId`), those of one `send` too, also when one of them comes again, and
   * a repeated `dedupId` is swallowed for at least five minutes, whether or not the first message is still there. A group waits
   * for the message of it that is held, as long as it is held; a dead letter holds up nothing.
   */
  readonly ordered: boolean;
  /** Most messages in one `send` or `receive`. */
  readonly maxBatch: number;
  /** Receives after which the broker moves a message to its dead letters; `null`: never, or not known. */
  readonly maxReceives: number | null;
  /** How long a received message is hidden before it comes again; `null`: as long as its receiver is connected. */
  readonly visibilityMs: number | null;
  /** How many `send` calls may be under way at once; one that has taken 10 s counts no more. @default 2 */
  readonly sendLanes?: number;
  /** Least age of an unclaimed dispatch before it is sent again, milliseconds. @default policy.redispatchAfterMs */
  readonly redispatchAfterMs?: number;
}

/** Most characters of a `dedupId` and of a `groupId` (SQS FIFO: 128 each). What is longer is hashed by the core. */
export const MOST_QUEUE_ID_CHARS = 128;

/** One message to send. `body` is text made by the core: a pointer to a job, without authority. */
export interface OutgoingMessage {
  readonly body: string;
  /** Hidden for so long at first, at most `capabilities.maxDelayMs`; 0: not at all. */
  readonly delayMs: number;
  /**
   * Names hand-over and resend, ≤ 128 characters: safe as a deduplication id. A hand-over that is not known to be confirmed is
   * sent again under the same one; every later send of the job has another.
   */
  readonly dedupId: string;
  /** The job's subject or id, ≤ 128 characters of any kind: what must stay in order with each other. */
  readonly groupId: string;
}

/**
 * - `sent`: the queue confirmed that it holds the message.
 * - `rejected`: it certainly does not and never will, for the message itself (its contents, its size): the job ends FAILED.
 * - `unknown`: it may or may not; nothing is rolled back on doubt, and the message is sent again. Everything about the
 *   sender or the queue is `unknown` too: permission, a missing queue, keys, throttling, quotas.
 *
 * `reason` holds no payload, no credential and no address with credentials.
 */
export type SendResult =
  | { readonly status: "sent" }
  | { readonly status: "rejected"; readonly reason: string }
  | { readonly status: "unknown"; readonly reason: string };

/**
 * One delivery of a message. At most one of `ack` and `release` is called; both may reject and then change nothing. A
 * delivery acts on the message as it was received: after its visibility ended, or over another connection than the one it
 * came from, it changes nothing newer. A message that nobody has received since may still be removed or given back by it, or
 * not: both are fine.
 */
export interface Delivery {
  readonly body: string;
  /** How often the message has been received, this time included. */
  readonly receives: number;
  /** When it was first sent, Unix milliseconds; `null` where the queue does not say. */
  readonly sentAt: number | null;
  /** The group that it was sent in, where the queue says; `null` or absent: it does not. */
  readonly groupId?: string | null;
  /** Removes the message for good, and no other; an `extend` that comes later changes nothing. */
  ack(): Promise<void>;
  /** Gives it back, to be received again after a delay. */
  release(afterMs: number): Promise<void>;
  /** Keeps it hidden for this long from now. */
  extend(ms: number): Promise<void>;
}

/** How many messages to take, and how long to wait for a first one. A queue takes none ahead of what it is asked for. */
export interface ReceiveRequest {
  /** 1–`maxBatch`: as many as the worker can begin with now. */
  readonly max: number;
  /**
   * How long to wait for a first message, milliseconds. What is there is returned at once, however many were asked for; what
   * is sent meanwhile, or can be received again, ends the wait.
   */
  readonly waitMs: number;
  /** Ends the wait of this receive; what was already taken is still returned. Of many receives: none leaves anything on it. */
  readonly signal: AbortSignal;
}

/** What `check` found amiss in how the queue is set up. */
export interface QueueFinding {
  /** Stable, lower case, dotted. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** What is wrong and what to do; no address with credentials. */
  readonly sentence: string;
}

/** What the queue has to fit. */
export interface QueueExpectations {
  /** The longest lease of the kinds that go through it. */
  readonly longestLeaseMs: number;
  /** The pace at which an unclaimed dispatch is sent again. */
  readonly redispatchAfterMs: number;
}

/**
 * Hands messages over at least once, in any order unless `ordered`. An ordered queue never returns two messages of one
 * group in one receive.
 *
 * After `close` both reject, and deliveries that are out may still be settled where they need no connection of the queue's.
 *
 * `send` answers per message and never rejects for one of them; it rejects only when misused (a batch outside
 * 1–`maxBatch`, after `close`). `receive` rejects when the queue cannot be reached, and when misused.
 */
export interface Queue {
  readonly capabilities: QueueCapabilities;
  send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]>;
  receive(request: ReceiveRequest): Promise<readonly Delivery[]>;
  /** Its dead letters, where the adapter can read them: received like the others. */
  readonly deadLetters?: {
    receive(request: ReceiveRequest): Promise<readonly Delivery[]>;
    /** Whether messages from this address (such as an ARN) are dead letters of this queue. Pure. */
    isFrom?(source: string): boolean;
  };
  /**
   * How many messages it holds: waiting, hidden and delayed, dead letters apart; `null`: it cannot say now. Asked at most once
   * a minute.
   * Rejects when the queue cannot be reached.
   */
  backlog?(): Promise<number | null>;
  /** Looks at how the queue is set up, and touches no message; asked once when a worker starts, each finding logged. */
  check?(expected: QueueExpectations): Promise<readonly QueueFinding[]>;
  /** Whether messages from this address (such as an ARN) are this queue's. Pure. */
  isFrom?(source: string): boolean;
  /** Frees what the queue made itself; never closes a client that was passed in. Safe to call twice. */
  close(): Promise<void>;
}

/** Declares a queue. */
export function defineQueue(queue: Queue): Queue {
  return queue;
}
