/** Who listens, by name. What is called throws nothing: whoever adds a listener sees to that. */
export class Listeners<T> {
  readonly #byName = new Map<string, Set<(value: T) => void>>();

  /** Returns how to stop. Added twice, it is called twice. */
  add(name: string, listener: (value: T) => void): () => void {
    const own = (value: T): void => {
      listener(value);
    };
    const named = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, named.add(own));
    return () => {
      // Of a name that nobody listens to nothing is kept: there is one for each job that is watched.
      if (named.delete(own) && named.size === 0 && this.#byName.get(name) === named)
        this.#byName.delete(name);
    };
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  hasAny(): boolean {
    return this.#byName.size > 0;
  }

  /** Calls those who listen now: whoever is added meanwhile hears of the next. */
  call(name: string, value: T): void {
    for (const listener of [...(this.#byName.get(name) ?? [])]) listener(value);
  }

  clear(): void {
    this.#byName.clear();
  }
}
