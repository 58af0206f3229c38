interface Place {
  readonly id: string;
  at: number;
  position: number;
}

/**
 * Ids ordered by an instant, ties by id: a binary heap that knows where each id is, so that moving or removing one costs
 * log n and nothing stale stays behind.
 */
export class DueIndex {
  readonly #heap: Place[] = [];
  readonly #places = new Map<string, Place>();

  /** Puts an id at an instant, wherever it was before; `null` takes it out. */
  set(id: string, at: number | null): void {
    const place = this.#places.get(id);
    if (at === null) {
      if (place !== undefined) this.#remove(place);
    } else if (place === undefined) {
      const added = { id, at, position: this.#heap.length };
      this.#places.set(id, added);
      this.#heap.push(added);
      this.#rise(added);
    } else if (place.at !== at) {
      place.at = at;
      this.#rise(place);
      this.#sink(place);
    }
  }

  /** The earliest place; `null`: empty. */
  first(): { readonly id: string; readonly at: number } | null {
    return this.#heap[0] ?? null;
  }

  #remove(place: Place): void {
    this.#places.delete(place.id);
    const last = this.#heap.pop();
    if (last === undefined || last === place) return;
    this.#put(last, place.position);
    this.#rise(last);
    this.#sink(last);
  }

  #put(place: Place, position: number): void {
    place.position = position;
    this.#heap[position] = place;
  }

  #rise(place: Place): void {
    while (place.position > 0) {
      const { position } = place;
      const parent = this.#heap[(position - 1) >> 1];
      if (parent === undefined || !isBefore(place, parent)) return;
      this.#put(place, parent.position);
      this.#put(parent, position);
    }
  }

  #sink(place: Place): void {
    for (;;) {
      const { position } = place;
      const left = this.#heap[2 * position + 1];
      const right = this.#heap[2 * position + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || !isBefore(child, place)) return;
      this.#put(place, child.position);
      this.#put(child, position);
    }
  }
}

/** The order of wake-ups and of ready jobs: by instant, ties by id. */
export function isBefore(
  a: { readonly at: number; readonly id: string },
  b: { readonly at: number; readonly id: string },
): boolean {
  return a.at === b.at ? a.id < b.id : a.at < b.at;
}
