import type { Decision, DecideContext } from "../../decide/change/change.js";
import type { Snapshot } from "../../job/record.js";
import { type Applied, applyCommand } from "../store/apply.js";
import type { Core } from "../context.js";

/** Who has the claim. */
export interface HeldClaimEvents {
  /** A claim was confirmed by a write that was sent at this instant and extends the lease. */
  confirmed(sentAt: number): void;
  /** Another has the job, or it is over. Said with every answer that shows it. */
  lost(): void;
  cancelled(): void;
}

interface ClaimWrite {
  readonly transitionId?: string;
  readonly patienceMs?: number;
  /** The write extends the lease. */
  readonly extends?: boolean;
}

/** One claim as its owner knows it: the record as last seen, and the one main write that may be under way. */
export class HeldClaim {
  readonly token: string;
  readonly #core: Core;
  readonly #now: () => number;
  readonly #events: HeldClaimEvents;
  #snapshot: Snapshot;
  #lost = false;
  /** Settles with the newest write, and never rejects. */
  #last: Promise<unknown> | null = null;

  constructor(core: Core, snapshot: Snapshot, token: string, now: () => number, events: HeldClaimEvents) {
    this.#core = core;
    this.#snapshot = snapshot;
    this.token = token;
    this.#now = now;
    this.#events = events;
  }

  /** The record as last seen: after a loss what refused us, where that is known. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** The store says that the claim is over. */
  lose(snapshot: Snapshot | null): void {
    if (snapshot !== null) this.#snapshot = snapshot;
    this.#lost = true;
    this.#events.lost();
  }

  /**
   * Writes when the write before it has its answer: one main write of a claim is under way at a time.
   *
   * @throws StoreUnavailableError when it is not known whether it was stored, or nothing could be
   */
  write(
    decide: (snapshot: Snapshot, context: DecideContext) => Decision,
    options: ClaimWrite = {},
  ): Promise<Applied> {
    const before = this.#last;
    const write =
      before === null ? this.#write(decide, options) : before.then(() => this.#write(decide, options));
    this.#last = write.catch(nothing);
    return write;
  }

  #write(
    decide: (snapshot: Snapshot, context: DecideContext) => Decision,
    { transitionId, patienceMs, extends: extending = false }: ClaimWrite,
  ): Promise<Applied> {
    const sentAt = this.#now();
    const { worker: actor } = this.#snapshot.record;
    return applyCommand(this.#core, this.#snapshot, decide, { actor, transitionId, patienceMs }).then(
      (applied) => {
        this.#heard(applied, extending ? sentAt : null);
        return applied;
      },
    );
  }

  #heard(applied: Applied, confirmedAt: number | null): void {
    if (applied.status === "gone" || applied.status === "refused") {
      this.lose(applied.status === "gone" ? null : applied.snapshot);
      return;
    }
    this.#snapshot = applied.snapshot;
    if (confirmedAt !== null) this.#events.confirmed(confirmedAt);
    // Every reply that carries the record passes the flag on.
    if (applied.snapshot.record.cancel !== null) this.#events.cancelled();
  }
}

function nothing(): void {
  // Whoever asked for the write hears of it.
}
