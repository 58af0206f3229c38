import type { Decision, DecideContext } from "../../decide/change.js";
import type { Snapshot } from "../../record.js";
import { type Applied, applyCommand } from "../apply.js";
import type { Core } from "../core.js";

interface HoldEvents {
  /** A claim was confirmed by a write that was sent at this instant and extends the lease. */
  readonly confirmed: (sentAt: number) => void;
  /** Another has the job, or it is over. Said with every answer that shows it. */
  readonly lost: () => void;
  readonly cancelled: () => void;
}

interface HoldWrite {
  readonly transitionId?: string;
  readonly patienceMs?: number;
  /** The write extends the lease. */
  readonly extends?: boolean;
}

/** One claim as its owner knows it: the record as last seen, and the one main write that may be under way. */
export class Hold {
  readonly token: string;
  readonly #core: Core;
  readonly #now: () => number;
  readonly #events: HoldEvents;
  #snapshot: Snapshot;
  #lost = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(core: Core, snapshot: Snapshot, token: string, now: () => number, events: HoldEvents) {
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
    options: HoldWrite = {},
  ): Promise<Applied> {
    const write = this.#last.then(() => this.#write(decide, options));
    this.#last = write.catch(() => undefined);
    return write;
  }

  async #write(
    decide: (snapshot: Snapshot, context: DecideContext) => Decision,
    { transitionId, patienceMs, extends: extending = false }: HoldWrite,
  ): Promise<Applied> {
    const sentAt = this.#now();
    const applied = await applyCommand(this.#core, this.#snapshot, decide, {
      actor: this.#snapshot.record.worker,
      ...(transitionId === undefined ? {} : { transitionId }),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
    if (applied.status === "gone" || applied.status === "refused") {
      this.lose(applied.status === "gone" ? null : applied.snapshot);
      return applied;
    }
    this.#snapshot = applied.snapshot;
    if (extending) this.#events.confirmed(sentAt);
    // Every reply that carries the record passes the flag on.
    if (applied.snapshot.record.cancel !== null) this.#events.cancelled();
    return applied;
  }
}
