/** Something that happens once, heard by any number: an `AbortSignal` warns of a leak at eleven. */
export interface OneShot {
  readonly fired: boolean;
  fire(): void;
  /** Calls `heard` when it rings, at once where it has fired. */
  on(heard: () => void): void;
  /** Stops listening. */
  off(heard: () => void): void;
}

export function createOneShot(): OneShot {
  const ears = new Set<() => void>();
  let fired = false;
  return {
    get fired() {
      return fired;
    },
    fire() {
      fired = true;
      const all = [...ears];
      ears.clear();
      for (const heard of all) heard();
    },
    on(heard) {
      if (fired) heard();
      else ears.add(heard);
    },
    off(heard) {
      ears.delete(heard);
    },
  };
}
