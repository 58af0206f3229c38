/** Something that happens once, heard by any number: an `AbortSignal` warns of a leak at eleven. */
export interface Bell {
  readonly rung: boolean;
  ring(): void;
  /** Calls `heard` when it rings, at once where it has rung. */
  hear(heard: () => void): void;
  /** Stops listening. */
  deafen(heard: () => void): void;
}

export function createBell(): Bell {
  const ears = new Set<() => void>();
  let rung = false;
  return {
    get rung() {
      return rung;
    },
    ring() {
      rung = true;
      const all = [...ears];
      ears.clear();
      for (const heard of all) heard();
    },
    hear(heard) {
      if (rung) heard();
      else ears.add(heard);
    },
    deafen(heard) {
      ears.delete(heard);
    },
  };
}
