/** What a queue can do, as data. */
export interface QueueCapabilities {
  /** The longest delay that `send` honours, milliseconds; 0: none. Longer delays wait in the store. */
  readonly maxDelayMs: number;
  /** Whether messages of one group keep their order (`groupId`), and a repeated `dedupId` is swallowed. */
  readonly ordered: boolean;
  /** Most messages in one `send` or `receive`. */
  readonly maxBatch: number;
  /** Receives after which the broker moves a message to its dead letters; `null`: never. */
  readonly maxReceives: number | null;
}

/** One message to send. `body` is text made by the core: a pointer to a job, without authority. */
export interface OutgoingMessage {
  readonly body: string;
  readonly delayMs: number;
  /** Names hand-over and resend: safe as a deduplication id, since a later send of the same job has another. */
  readonly dedupId: string;
  /** The job's subject or id: what must stay in order with each other. */
  readonly groupId: string;
}

/**
 * - `sent`: the queue confirmed that it holds the message.
 * - `rejected`: it certainly does not and never will (size, permission, malformed): `reason` says why.
 * - `unknown`: it may or may not; nothing is rolled back on doubt.
 */
export type SendResult =
  | { readonly status: "sent" }
  | { readonly status: "rejected"; readonly reason: string }
  | { readonly status: "unknown"; readonly reason: string };

/** One delivery of a message. At most one of `ack` and `release` is called; both may reject and then change nothing. */
export interface Delivery {
  readonly body: string;
  /** How often the message has been received, this time included. */
  readonly receives: number;
  /** When it was first sent, Unix milliseconds; `null` where the queue does not say. */
  readonly sentAt: number | null;
  /** Removes the message for good. */
  ack(): Promise<void>;
  /** Gives it back, to be received again after a delay. */
  release(afterMs: number): Promise<void>;
  /** Keeps it hidden for this long from now. */
  extend(ms: number): Promise<void>;
}

export interface ReceiveRequest {
  readonly max: number;
  /** How long to wait for a first message, milliseconds. */
  readonly waitMs: number;
  /** Ends the wait; what was already taken is still returned. */
  readonly signal: AbortSignal;
}

/**
 * Hands messages over at least once, in any order unless `ordered`.
 *
 * `send` answers per message and never rejects for one of them; it rejects only when misused (a batch outside
 * 1–`maxBatch`, after `close`). `receive` rejects when the queue cannot be reached, and when misused.
 */
export interface Queue {
  readonly capabilities: QueueCapabilities;
  send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]>;
  receive(request: ReceiveRequest): Promise<readonly Delivery[]>;
  /** Its dead letters, where the adapter can read them. */
  readonly deadLetters?: { receive(request: ReceiveRequest): Promise<readonly Delivery[]> };
  /** Frees what the queue made itself; never closes a client that was passed in. Safe to call twice. */
  close(): Promise<void>;
}

/** Declares a queue. */
export function defineQueue(queue: Queue): Queue {
  return queue;
}
