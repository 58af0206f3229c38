import type { StoreReply, StoreRequest } from "./store-messages.js";

// What operators and the reconciler ask of a store beside jobs.

// ---- parked messages ---------------------------------------------------------------------------------------------------

/** A message that could not be read or whose job is unknown. */
export interface ParkedMessage {
  /** Made by the core from queue and body: parking twice is parking once, and the first stays until it is taken out. */
  readonly id: string;
  readonly queue: string;
  /** At most 64 KiB; longer bodies arrive cut. */
  readonly body: string;
  readonly reason: string;
  readonly at: number;
}

export interface ParkRequest extends StoreRequest {
  readonly messages: readonly ParkedMessage[];
}

export interface ParkedRequest extends StoreRequest {
  readonly limit: number;
  /** Behind this id, whether it is still there or not. */
  readonly after?: string;
}

export interface ParkedReply extends StoreReply {
  readonly messages: readonly ParkedMessage[];
}

// ---- operations --------------------------------------------------------------------------------------------------------

export interface PulseRequest extends StoreRequest {
  /** Due records that the last pass could not serve. */
  readonly unserved: number;
}

export interface StoreHealth extends StoreReply {
  /** When a reconciler last ran; `null`: never. */
  readonly lastPulseAt: number | null;
  readonly unserved: number;
  /** The oldest wake-up that has passed; `null`: none. */
  readonly oldestDueAt: number | null;
  /** The oldest instant from which a job of the store's own queue could have been claimed; `null`: none ready. */
  readonly oldestReadyAt: number | null;
  /** Since when the oldest settled record that is past its retention should be gone; `null`: none, absent: cannot tell. */
  readonly oldestExpiredAt?: number | null;
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

export interface PurgeRequest extends StoreRequest {
  /** Of jobs; old parked messages all go. */
  readonly limit: number;
  /** Parked messages older than this go too. */
  readonly parkedBefore: number;
}

export interface PurgeReply extends StoreReply {
  readonly jobs: number;
  readonly parked: number;
}
