import type { Clock } from "../../core/environment/clock.js";

/** Timers by what they are for: a new one takes the place of the old. */
export class Timers {
  readonly #clock: Clock;
  readonly #cancels = new Map<unknown, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(what: unknown, ms: number, run: () => void): void {
    this.cancel(what);
    this.#cancels.set(
      what,
      this.#clock.timer(ms, () => {
        this.#cancels.delete(what);
        run();
      }),
    );
  }

  has(what: unknown): boolean {
    return this.#cancels.has(what);
  }

  cancel(what: unknown): void {
    this.#cancels.get(what)?.();
    this.#cancels.delete(what);
  }

  cancelAll(): void {
    for (const what of this.#cancels.keys()) this.cancel(what);
  }
}
