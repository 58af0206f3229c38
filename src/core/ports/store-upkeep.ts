import type { StoreReply, StoreRequest } from "./store-messages.js";

// What operators and the reconciler ask of a store beside jobs.

// ---- parked messages ---------------------------------------------------------------------------------------------------

/**
 * A message that could not be read or whose job is unknown; or a stored record that cannot be read, with the queue `(store)`
 * and its id as the body.
 */
export interface ParkedMessage {
  /** Made by the core from queue and body: parking twice is parking once, and the first stays until it is taken out. */
  readonly id: string;
  readonly queue: string;
  /** At most 64 KiB; longer bodies arrive cut. */
  readonly body: string;
  /** For people to read; no part of the body. */
  readonly reason: string;
  /** When it was put aside, Unix milliseconds. */
  readonly at: number;
}

/** What is to be put aside for people to look at. One whose id is there already is left as it is. */
export interface ParkRequest extends StoreRequest {
  readonly messages: readonly ParkedMessage[];
}

/** A page of what is put aside, in the order of ids. */
export interface ParkedRequest extends StoreRequest {
  readonly limit: number;
  /** Behind this id, whether it is still there or not. */
  readonly after?: string;
}

/** In the order of ids. Fewer than `limit`: these were the last. */
export interface ParkedReply extends StoreReply {
  readonly messages: readonly ParkedMessage[];
}

// ---- operations --------------------------------------------------------------------------------------------------------

/** The sign of life that a reconciler leaves after a pass. The last one counts, whoever left it. */
export interface PulseRequest extends StoreRequest {
  /** Jobs that this process met lately and could not serve: it lacks their handler, queue, notifier or definition. */
  readonly unserved: number;
}

/** What `waybill.health()` is made of; counts and instants (Unix milliseconds) by the clock that the store decides by. */
export interface StoreHealth extends StoreReply {
  /** When a reconciler last ran; `null`: never. */
  readonly lastPulseAt: number | null;
  /** As the last sign of life said. */
  readonly unserved: number;
  /** The oldest wake-up that has passed; `null`: none. */
  readonly oldestDueAt: number | null;
  /** The oldest instant from which a job of the store's own queue could have been claimed; `null`: none ready. */
  readonly oldestReadyAt: number | null;
  /** Since when the oldest settled record that is past its retention should be gone; `null`: none, absent: cannot tell. */
  readonly oldestExpiredAt?: number | null;
  /** What is put aside. */
  readonly parked: number;
  /** Jobs with an entry that a notifier gave up. */
  readonly undeliverable: number;
  /** Acknowledged calls found missing, by any process, ever; absent: none were, or the engine cannot tell. */
  readonly lostWrites?: { readonly calls: number; readonly lastSeenAt: number };
}

/** Calls that a store had acknowledged and that are gone: a crash without a sync, a replica behind its primary, a restored backup. */
export interface LostWrites {
  /** At least so many, each of up to a whole batch. */
  readonly calls: number;
  /** By the store's clock, when it was found out. */
  readonly nowMs: number;
}

/** Asks to remove what nobody needs any more: settled records past their `purgeAt`, and old parked messages. */
export interface PurgeRequest extends StoreRequest {
  /** Of jobs; old parked messages all go. */
  readonly limit: number;
  /** Parked messages older than this go too. */
  readonly parkedBefore: number;
}

/** How many were removed. While `jobs` is the whole `limit`, a reconciler asks again at once. */
export interface PurgeReply extends StoreReply {
  readonly jobs: number;
  /** Parked messages. */
  readonly parked: number;
}
