import type { Clock } from "../../../core/environment/clock.js";
import type { OpenChannel } from "../channel.js";
import type { RabbitmqMessage } from "../client.js";

/** How long one that may be given messages stays when nobody receives: a worker asks again sooner. */
const IDLE_MS = 250;

export interface Taking {
  readonly max: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * One consumer of a queue. The broker gives it no more than its prefetch at a time, so it has nothing in hand while what it
 * gave is at work, and the next message comes with the settlement of one: it may stay from one receive to the next, which
 * spares the broker two entries in the log of the queue for each.
 */
export class Consumer {
  readonly tag: string;
  readonly #open: OpenChannel;
  readonly #clock: Clock;
  readonly #prefetch: number;
  readonly #ended: () => void;
  /** Delivered, and not handed over yet. */
  #waiting: RabbitmqMessage[] = [];
  /** Handed over, and not settled. */
  #held = 0;
  /** Settled since it was asked last: whoever had these is about to ask for as many more. */
  #settled = 0;
  /** Ends the wait of a receive; does nothing while none waits. */
  #wake: () => void = () => undefined;
  #state: "taking" | "idle" | "ending" | "ended" = "taking";
  #isOver = false;
  #stopIdling: (() => void) | null = null;

  /** @param ended - called once nothing is heard for it any more */
  constructor(
    open: OpenChannel,
    clock: Clock,
    { tag, prefetch }: { readonly tag: string; readonly prefetch: number },
    ended: () => void,
  ) {
    this.#open = open;
    this.#clock = clock;
    this.tag = tag;
    this.#prefetch = prefetch;
    this.#ended = ended;
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  /** Whether the broker gives it what a receive of `max` asks for, and nothing beyond that could not be claimed. */
  suits(max: number): boolean {
    const free = this.#prefetch - this.#held;
    return this.#waiting.length > 0 || (free >= max && free - max <= this.#settled);
  }

  /** What the broker delivers. */
  hear(message: RabbitmqMessage): void {
    this.#waiting.push(message);
    this.#wake();
  }

  /** The broker gives nothing more: its queue was deleted. */
  stop(): void {
    this.#isOver = true;
    if (this.#state === "idle") void this.end();
    this.#wake();
  }

  /**
   * Takes at most `max` messages as soon as some are there; none when `waitMs` is over. Resolves when nothing is on its way,
   * or with a consumer that stays for the next receive. Rejects when the channel was lost, and with it what came.
   */
  async take(asked: Taking): Promise<readonly RabbitmqMessage[]> {
    const { max, signal } = asked;
    this.#state = "taking";
    this.#endIdling();
    this.#settled = 0;
    if (this.#waiting.length === 0 && !this.#isOver) await this.#something(asked);
    const mayStay = this.#waiting.length > 0 && !this.#isOver && !signal.aborted && !this.#open.isClosed;
    if (!mayStay) await this.#cancel();
    const messages = this.#waiting.splice(0, max);
    this.#held += messages.length;
    if (mayStay) this.#idle();
    else this.#giveBack();
    return messages;
  }

  /** What was handed over is settled, and the broker gives another. */
  settled(): void {
    this.#held -= 1;
    this.#settled += 1;
    if (this.#state === "idle") this.#idle();
  }

  /** Before a message is settled whose place stays taken. Never rejects. */
  async retire(): Promise<void> {
    if (this.#state === "idle") await this.end();
  }

  /** Ends it; what was not handed over goes back. Never rejects. */
  async end(): Promise<void> {
    if (this.#state === "ending" || this.#state === "ended") return;
    this.#endIdling();
    try {
      await this.#cancel();
    } catch {
      // Its channel is gone, and everything on it went back.
    }
    this.#giveBack();
  }

  /** Until a message is here, the time is over, or there is no more to wait for. */
  async #something({ max, waitMs, signal }: Taking): Promise<void> {
    await this.#woken(waitMs, signal);
    const count = this.#waiting.length;
    // They come many in one piece.
    if (count > 0 && count < max)
      await new Promise<void>((resolve) => {
        this.#clock.defer(resolve);
      });
  }

  /** Without a controller of its own: to make and abort one costs as much as all else of a receive. */
  #woken(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        stopHearing();
        signal.removeEventListener("abort", wake);
        this.#wake = () => undefined;
        resolve();
      };
      let stopHearing = (): void => undefined;
      const cancel = this.#clock.timer(waitMs, wake, true);
      signal.addEventListener("abort", wake, { once: true });
      this.#wake = wake;
      if (signal.aborted || this.#open.isClosed) wake();
      else stopHearing = this.#open.onClosed(wake);
    });
  }

  #idle(): void {
    this.#state = "idle";
    // With all that it may have in hand it is given nothing.
    if (this.#held === this.#prefetch || this.#stopIdling !== null) return;
    this.#stopIdling = this.#clock.timer(IDLE_MS, () => {
      void this.end();
    });
  }

  #endIdling(): void {
    this.#stopIdling?.();
    this.#stopIdling = null;
  }

  async #cancel(): Promise<void> {
    this.#state = "ending";
    try {
      await this.#open.answer(this.#open.channel.cancel(this.tag));
    } finally {
      this.#state = "ended";
      this.#ended();
    }
  }

  /** Only behind its end: before that the broker would give it the same again. */
  #giveBack(): void {
    for (const message of this.#waiting.splice(0)) giveBack(this.#open, message);
  }
}

/** As not received: newer brokers do not count it. */
export function giveBack(open: OpenChannel, message: RabbitmqMessage): void {
  try {
    open.channel.nack(message, false, true);
  } catch {
    // It went back with its channel.
  }
}
