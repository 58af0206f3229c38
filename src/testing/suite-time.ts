/** A fixture whose time may be moved; without `advance` a suite waits for real. */
export interface MovableTime {
  /** Moves the fixture's time on. */
  advance?(ms: number): Promise<void>;
}

/** Lets time pass for a fixture. */
export class SuiteTime {
  readonly #fixture: MovableTime;

  constructor(fixture: MovableTime) {
    this.#fixture = fixture;
  }

  /** Whether time moves by itself. */
  get isReal(): boolean {
    return this.#fixture.advance === undefined;
  }

  async pass(ms: number): Promise<void> {
    if (this.#fixture.advance) await this.#fixture.advance(ms);
    else await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Lets time pass, in small steps, until the condition holds; `false`: it did not within `withinMs`. */
  async until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const step = 20;
    for (let passed = 0; passed < withinMs; passed += step) {
      if (await condition()) return true;
      await this.pass(step);
    }
    return condition();
  }

  /** Watches a promise without waiting for it; a rejection is for the caller to look at. */
  watch<T>(promise: Promise<T>): Watched<T> {
    const watched: Watched<T> = { promise, settled: false };
    const settle = (): void => {
      watched.settled = true;
    };
    promise.then(settle, settle);
    return watched;
  }
}

export interface Watched<T> {
  readonly promise: Promise<T>;
  settled: boolean;
}
