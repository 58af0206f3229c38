import type { Clock } from "../../core/environment/clock.js";

/** Those who wait for messages. */
export class Waiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at `wake`, at the instant, or when the signal aborts. */
  wait(until: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        this.#waiting.delete(end);
        resolve();
      };
      // Held, as an open connection would hold it: a process that waits for work does not end.
      const cancel = this.#clock.timer(until - this.#clock.now(), end, true);
      signal.addEventListener("abort", end, { once: true });
      this.#waiting.add(end);
    });
  }

  /** Lets everybody look again, those who waited longest first. */
  wake(): void {
    for (const end of [...this.#waiting]) end();
  }
}
