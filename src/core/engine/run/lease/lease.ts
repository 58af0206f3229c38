import type { BeatResult } from "../../../ports/store.js";
import type { Snapshot } from "../../../job/record.js";
import type { Core } from "../../context.js";
import type { DeadlineTimer, Due } from "./deadline-timer.js";
import type { HeartbeatTimer, Ticking } from "./heartbeat-timer.js";

interface LeaseOptions {
  readonly id: string;
  readonly token: string;
  readonly leaseMs: number;
  /** When the claim was sent, by `now`: the lease in the store ends later than that plus its length. */
  readonly claimedAt: number;
  /** The version of the job that is known here. */
  readonly version: () => number;
  readonly now: () => number;
  readonly heartbeatTimer: HeartbeatTimer;
  /** In the time of `now`. */
  readonly deadlineTimer: DeadlineTimer;
}

/** Who has the claim. */
export interface LeaseEvents {
  /** The local deadline has passed: the store may give the job to another from here on. */
  expired(): void;
  /** The store says that the claim is over. `null`: the record is gone. */
  refused(snapshot: Snapshot | null): void;
  cancelled(): void;
  /** A beat was confirmed. */
  beaten(): void;
}

/** Beats of one claim that are under way at once. */
const MOST_BEATS = 3;

/** Part of a lease that is given away so that the local deadline comes before the store's. */
const MARGIN = 0.05;

/**
 * Keeps a claim alive. The local deadline counts from when the last confirmed sign of life was *sent*, so it passes before
 * the lease in the store does, whatever the network did. Once it has passed no beat leaves any more: a process that
 * stood still must not revive what it may have lost.
 */
export class Lease implements Due, Ticking {
  readonly #core: Core;
  readonly #options: LeaseOptions;
  readonly #events: LeaseEvents;
  #confirmedAt: number;
  #expired = false;
  #settling = false;
  #stopped = false;
  /** Under way. */
  #beats = 0;
  /** Take back what is to follow them. */
  #hanging: Set<() => void> | null = null;
  #cancelRetry: (() => void) | null = null;

  constructor(core: Core, options: LeaseOptions, events: LeaseEvents) {
    this.#core = core;
    this.#options = options;
    this.#events = events;
    this.#confirmedAt = options.claimedAt;
  }

  /**
   * Starts the beats. A claim that is old already, because its answer came late, is confirmed first: nothing has run under
   * it yet, so a beat may revive it where nobody took the job.
   *
   * @returns `null`: started at once; else when it is
   */
  start(): Promise<void> | null {
    const { leaseMs, now } = this.#options;
    if (now() - this.#confirmedAt > leaseMs / 3) {
      return this.#beat().then(() => {
        this.#begin();
      });
    }
    this.#begin();
    return null;
  }

  #begin(): void {
    const { leaseMs } = this.#options;
    if (this.#stopped) return;
    this.#armDeadline();
    if (this.#expired) return;
    this.#options.heartbeatTimer.join(leaseMs / 3, this);
  }

  /** A write that extends the lease, sent at `sentAt`, was confirmed. */
  confirm(sentAt: number): void {
    if (this.#stopped || this.#expired) return;
    this.#confirmedAt = Math.max(this.#confirmedAt, sentAt);
    this.#armDeadline();
  }

  /** Whether the local deadline has passed, also where its timer had no chance to say so. */
  expired(): boolean {
    if (!this.#expired && this.#options.now() >= this.dueAt) this.#expire();
    return this.#expired;
  }

  /** How long until the local deadline. */
  remainingMs(): number {
    return this.expired() ? 0 : this.dueAt - this.#options.now();
  }

  /** The outcome is being written: beats go on, and a refusal only says that the outcome came first. */
  settle(): void {
    this.#settling = true;
  }

  stop(): void {
    this.#stopped = true;
    this.#endTimers();
  }

  /** The local deadline. */
  get dueAt(): number {
    const { leaseMs } = this.#options;
    return this.#confirmedAt + leaseMs - Math.max(1, Math.ceil(leaseMs * MARGIN));
  }

  /** The local deadline has come. */
  ring(): void {
    this.#expire();
  }

  get id(): string {
    return this.#options.id;
  }

  version(): number {
    return this.#options.version();
  }

  /** It is time for a beat. */
  tick(): void {
    if (!this.#stopped) void this.#beatOnce();
  }

  #endTimers(): void {
    const { leaseMs, heartbeatTimer, deadlineTimer } = this.#options;
    heartbeatTimer.leave(leaseMs / 3, this);
    deadlineTimer.clear(this);
    this.#cancelRetry?.();
    if (this.#hanging !== null) for (const cancel of this.#hanging) cancel();
  }

  #armDeadline(): void {
    if (this.#options.now() >= this.dueAt) this.#expire();
    else this.#options.deadlineTimer.set(this);
  }

  #expire(): void {
    if (this.#expired || this.#stopped) return;
    this.#expired = true;
    this.#endTimers();
    this.#events.expired();
  }

  async #beatOnce(): Promise<void> {
    const { clock } = this.#core;
    this.#cancelRetry?.();
    if (this.#beats >= MOST_BEATS || this.expired()) return;
    this.#beats += 1;
    // One that hangs may be the only one that does: a connection that went silent. Whichever is answered counts.
    const cancelAnother = clock.timer(this.#options.leaseMs / 6, () => {
      this.tick();
    });
    (this.#hanging ??= new Set()).add(cancelAnother);
    const answered = await this.#beat();
    cancelAnother();
    this.#hanging.delete(cancelAnother);
    this.#beats -= 1;
    if (answered || this.#beats > 0 || this.#stopped || this.#expired) return;
    // Nobody answered: soon again, while there is a lease to save.
    this.#cancelRetry = this.#core.clock.timer(this.#options.leaseMs / 12, () => {
      this.tick();
    });
  }

  /** @returns whether the store answered */
  async #beat(): Promise<boolean> {
    const { id, token, leaseMs, now } = this.#options;
    const sentAt = now();
    try {
      this.#heard(await this.#core.gateway.beat({ id, token, leaseMs }), sentAt);
      return true;
    } catch {
      // The local deadline is the answer to a store that gives none.
      return false;
    }
  }

  #heard(result: BeatResult, sentAt: number): void {
    if (this.#stopped) return;
    if (result.status === "ok") {
      this.confirm(sentAt);
      this.#events.beaten();
      if (result.cancelRequested) this.#events.cancelled();
      return;
    }
    // Not a loss: the outcome that ends the claim may have been stored before this beat.
    if (this.#settling) return;
    this.#events.refused(result.status === "gone" ? null : result.job);
  }
}
