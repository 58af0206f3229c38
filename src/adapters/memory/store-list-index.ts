/** A place in a list of jobs, which is ordered newest first by (createdAt, id). */
export interface ListPlace {
  readonly createdAt: number;
  readonly id: string;
}

interface Entry extends ListPlace {
  gone: boolean;
}

interface List {
  entries: Entry[];
  /** How many of them are gone. */
  gone: number;
}

/**
 * Jobs in the order of their creation, one sorted list for each key. Jobs come newest last, so most adds are a push; what
 * is removed stays as a gap until gaps are half of the list, so that a purge of many costs no more for each.
 */
export class ListIndex<K> {
  readonly #lists = new Map<K, List>();

  add(key: K, { createdAt, id }: ListPlace): void {
    const entry = { createdAt, id, gone: false };
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, { entries: [entry], gone: 0 });
    else list.entries.splice(positionOf(list.entries, entry), 0, entry);
  }

  remove(key: K, place: ListPlace): void {
    const list = this.#lists.get(key);
    if (list === undefined) return;
    const entry = liveEntry(list.entries, place);
    if (entry === null) return;
    entry.gone = true;
    list.gone += 1;
    if (list.gone === list.entries.length) this.#lists.delete(key);
    else if (list.gone * 2 > list.entries.length) {
      list.entries = list.entries.filter((kept) => !kept.gone);
      list.gone = 0;
    }
  }

  count(key: K): number {
    const list = this.#lists.get(key);
    return list === undefined ? 0 : list.entries.length - list.gone;
  }

  /** The places of a key behind `after`, newest first. The list must not change while it is walked. */
  *newestFirst(key: K, after?: ListPlace): Generator<ListPlace> {
    const entries = this.#lists.get(key)?.entries ?? [];
    let position = after === undefined ? entries.length : positionOf(entries, after);
    while (position > 0) {
      position -= 1;
      const entry = entries[position];
      if (entry?.gone === false) yield { createdAt: entry.createdAt, id: entry.id };
    }
  }
}

/** The entry of a place; a gap may lie before it when the same job was removed and came again. */
function liveEntry(entries: readonly Entry[], place: ListPlace): Entry | null {
  for (let position = positionOf(entries, place); ; position += 1) {
    const entry = entries[position];
    if (entry === undefined || isOlder(place, entry)) return null;
    if (!entry.gone) return entry;
  }
}

/** Where a place is, or would be: the number of places that are older. */
function positionOf(list: readonly ListPlace[], place: ListPlace): number {
  const newest = list[list.length - 1];
  if (newest === undefined || isOlder(newest, place)) return list.length;
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const candidate = list[middle];
    if (candidate !== undefined && isOlder(candidate, place)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOlder(a: ListPlace, b: ListPlace): boolean {
  return a.createdAt === b.createdAt ? a.id < b.id : a.createdAt < b.createdAt;
}
