import { type Clock, monotonicNow } from "../../environment/clock.js";

/**
 * The store's clock as seen from here: what passes in this process, corrected by what replies said. Decisions are made by
 * it; what safety rests on is judged again inside the store.
 */
export interface StoreTime {
  /** Never ahead of the store by more than clocks drift, and behind it by less than the quickest call took lately. */
  now(): number;
  /** A reply has arrived that was made at `nowMs` of the store, to a call that left at `sentAt` (`monotonicNow`). */
  heard(nowMs: number, sentAt: number): void;
  /** Whether `now` is near enough to make instants of durations with. */
  isSure(): boolean;
  /** It could not be learnt any better: what is known is near enough from here on. */
  accept(): void;
}

/** Part of the time since the last reply that two clocks may have drifted apart, in both directions together. */
const DRIFT = 0.0002;
/** Nobody notices that a delay or a deadline is off by this much. */
const NEAR_ENOUGH_MS = 250;
/** The clocks of one machine drift apart less than this between two replies, unless one stepped or the other stood still. */
const STEP_MS = 500;

export function storeTime(clock: Clock, kind: "server" | "caller"): StoreTime {
  // A store without a clock of its own echoes ours. Whole, whatever the clock says: instants go into integer columns.
  if (kind === "server") return new ServerTime(clock);
  return {
    now: () => Math.floor(clock.now()),
    heard: () => undefined,
    isSure: () => true,
    accept: () => undefined,
  };
}

/**
 * The difference of the store's clock from this process's time that passes. A reply bounds it: the store read its clock after
 * the call had left and before the reply was here. What several replies say lies where their bounds meet, so one that was
 * looked at late (a busy event loop) makes nothing worse.
 */
class ServerTime implements StoreTime {
  readonly #clock: Clock;
  #bounds: { readonly least: number; readonly most: number; readonly at: number } | null = null;
  /** How far the wall clock was from the time that passes, at the last reply. */
  #wallOffsetMs = 0;
  #nearEnoughMs = NEAR_ENOUGH_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (this.#bounds === null) return Math.floor(this.#clock.now());
    return Math.floor(monotonicNow(this.#clock) + this.#bounds.least);
  }

  heard(nowMs: number, sentAt: number): void {
    const at = monotonicNow(this.#clock);
    const [least, most] = [nowMs - at, nowMs + 1 - sentAt];
    const known = this.#drifted(at);
    const both = { least: Math.max(known.least, least), most: Math.min(known.most, most), at };
    // Where they do not meet one of the clocks was set, or this process stood still: the newest counts.
    this.#bounds = both.least <= both.most && !this.#hasStepped(at) ? both : { least, most, at };
    this.#wallOffsetMs = this.#clock.now() - at;
  }

  isSure(): boolean {
    const at = monotonicNow(this.#clock);
    return !this.#hasStepped(at) && this.#widthMs(at) <= this.#nearEnoughMs;
  }

  accept(): void {
    const widthMs = this.#widthMs(monotonicNow(this.#clock));
    this.#nearEnoughMs = Math.max(NEAR_ENOUGH_MS, 2 * widthMs);
  }

  #drifted(at: number): { readonly least: number; readonly most: number } {
    if (this.#bounds === null) return { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
    const { least, most, at: since } = this.#bounds;
    const driftMs = ((at - since) * DRIFT) / 2;
    return { least: least - driftMs, most: most + driftMs };
  }

  #widthMs(at: number): number {
    const { least, most } = this.#drifted(at);
    return most - least;
  }

  /** The wall clock was set, or the time that passes did not: a machine that slept, a function that was frozen. */
  #hasStepped(at: number): boolean {
    return Math.abs(this.#clock.now() - at - this.#wallOffsetMs) > STEP_MS;
  }
}
