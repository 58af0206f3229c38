/**
 * Tells many pieces of work at once to stop. An `AbortSignal` shared by more than ten of them would make Node warn of a
 * leak; each piece makes a signal of its own where it needs one.
 */
export class Stops {
  readonly #stops = new Set<() => void>();
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Calls `stop` once it is time. Returns how to forget it. */
  onStop(stop: () => void): () => void {
    this.#stops.add(stop);
    return () => {
      this.#stops.delete(stop);
    };
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}
