/** Those who want to hear that a listener listens again, after its connection was lost. */
export class Relistened {
  readonly #all = new Set<() => void>();

  readonly on = (listener: () => void): (() => void) => {
    this.#all.add(listener);
    return () => {
      this.#all.delete(listener);
    };
  };

  readonly tell = (): void => {
    for (const listener of [...this.#all]) listener();
  };
}
