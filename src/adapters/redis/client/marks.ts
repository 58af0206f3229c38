import { MARK_TTL_MS } from "../scripts/prelude.js";

/** What a script is to check and to leave of a call. */
export interface Mark {
  /** Of this client and shard, counted from 1. */
  readonly number: number;
  /** The highest number that was acknowledged when the call was sent: the server must know it. */
  readonly floor: number;
  readonly epoch: number;
}

/**
 * Finds out that a server lost what it had acknowledged (a crash without a sync, a replica that was promoted behind its
 * primary, a backup that was restored, a flush). Each client numbers its calls per shard and the server keeps the highest
 * number that wrote: it never goes back unless writes were lost. No other client's work can hide it.
 */
export class Marks {
  #sent = 0;
  #acknowledged = 0;
  #acknowledgedAt = 0;
  /** Calls that were under way together find the same loss: it is told once. */
  #epoch = 0;

  next(localMs: number): Mark {
    this.#sent += 1;
    // The server forgets a client that has long written nothing.
    const isRemembered = localMs - this.#acknowledgedAt < MARK_TTL_MS / 2;
    return { number: this.#sent, floor: isRemembered ? this.#acknowledged : 0, epoch: this.#epoch };
  }

  /** @returns how many calls were lost that this client had been told of; 0: none, or told already */
  answered(mark: Mark, reply: { readonly wrote: boolean; readonly lost: number }, localMs: number): number {
    let lost = 0;
    if (reply.lost > 0 && mark.epoch === this.#epoch) {
      lost = reply.lost;
      this.#epoch += 1;
      this.#acknowledged = mark.floor - lost;
    }
    if (reply.wrote) {
      this.#acknowledged = Math.max(this.#acknowledged, mark.number);
      this.#acknowledgedAt = localMs;
    }
    return lost;
  }
}
