/** How a lane behaves towards a receiver that fails. */
export interface BreakerPolicy {
  /** Calls that fail in a row until nothing more is tried. */
  readonly opensAfter: number;
  readonly firstProbeMs: number;
  readonly longestProbeMs: number;
  /** Once the receiver is back, what waited comes no faster. */
  readonly eventsPerSecond: number;
}

/**
 * Five failures are no accident; a first look after 5 s catches a restart, and one every 5 min costs nobody anything. 200
 * events a second is what a small receiver takes just after it came up.
 */
const BREAKER: BreakerPolicy = {
  opensAfter: 5,
  firstProbeMs: 5_000,
  longestProbeMs: 5 * 60_000,
  eventsPerSecond: 200,
};

/** What may be tried in a lane now. */
export type Permit =
  | { readonly may: "publish" }
  /** One event, to see whether the receiver is back. */
  | { readonly may: "probe" }
  /** Nothing before an instant that is near: what stands in line goes on waiting there. */
  | { readonly may: "pause"; readonly until: number }
  /** Nothing before an instant that may be far: what stands in line is put back. */
  | { readonly may: "hold"; readonly until: number; readonly reason: string };

/**
 * Keeps a lane from asking a receiver that is down, and from overrunning one that has just come back. It opens after some
 * failures in a row, probes with one event at growing distances, and lets what waited through at a bounded rate.
 */
export class Breaker {
  readonly #policy: BreakerPolicy;
  #failures = 0;
  /** The receiver is taken to be down: the instant of the next probe. */
  #probeAt: number | null = null;
  #probing = false;
  #probes = 0;
  #reason = "";
  /** The receiver itself asked for a pause. */
  #heldUntil = 0;
  /** The rate is bounded until then, and the next call is due at. */
  #drainUntil = 0;
  #nextAt = 0;

  constructor(policy: BreakerPolicy = BREAKER) {
    this.#policy = policy;
  }

  /** When the receiver is tried again; `null`: it is not taken to be down. */
  get probeAt(): number | null {
    return this.#probeAt;
  }

  get isOpen(): boolean {
    return this.#probeAt !== null;
  }

  permit(now: number): Permit {
    const reason = this.#reason;
    if (this.#heldUntil > now) return { may: "hold", until: this.#heldUntil, reason };
    if (this.#probeAt !== null) {
      if (this.#probing) return { may: "pause", until: Number.POSITIVE_INFINITY };
      return this.#probeAt > now ? { may: "hold", until: this.#probeAt, reason } : { may: "probe" };
    }
    if (this.#drainUntil > now && this.#nextAt > now) return { may: "pause", until: this.#nextAt };
    return { may: "publish" };
  }

  /** A call with so many events begins. */
  started(now: number, events: number): void {
    if (this.isOpen) this.#probing = true;
    if (this.#drainUntil <= now) return;
    this.#nextAt = Math.max(now, this.#nextAt) + (events * 1_000) / this.#policy.eventsPerSecond;
    // As long as there is a backlog its rate is bounded.
    this.#drainUntil = Math.max(this.#drainUntil, now + this.#policy.longestProbeMs);
  }

  /** Something was delivered, or refused for itself: the receiver is there. @returns whether it was taken to be down */
  succeeded(now: number): boolean {
    const wasOpen = this.isOpen;
    if (wasOpen) {
      // What waits comes back within the distance of two probes.
      this.#drainUntil = now + 2 * this.#policy.longestProbeMs;
      this.#nextAt = now;
    }
    this.#failures = 0;
    this.#probes = 0;
    this.#probing = false;
    this.#probeAt = null;
    return wasOpen;
  }

  /** Nothing was delivered. @returns whether it opened with this failure */
  failed(now: number, reason: string): boolean {
    const { opensAfter, firstProbeMs, longestProbeMs } = this.#policy;
    this.#failures += 1;
    if (this.isOpen && !this.#probing) return false;
    if (this.#failures < opensAfter) return false;
    const opens = !this.isOpen;
    this.#probeAt = now + Math.min(longestProbeMs, firstProbeMs * 2 ** Math.min(this.#probes, 30));
    this.#probes += 1;
    this.#probing = false;
    this.#reason = reason;
    return opens;
  }

  /** The receiver asked for a pause: its lane waits, and neither a failure nor a success is known. */
  held(now: number, afterMs: number, reason: string): void {
    this.#probing = false;
    this.#reason = reason;
    this.#heldUntil = now + Math.min(this.#policy.longestProbeMs, afterMs);
  }

  /** A call came to nothing that says anything of the receiver. */
  dropped(): void {
    this.#probing = false;
  }
}
