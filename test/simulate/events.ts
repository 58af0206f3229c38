/** Something that will happen, once, unless it is cancelled or whoever it happens to is gone. */
export interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** `null`: it happens to nobody who could crash (the network, the world). */
  readonly to: Owner | null;
  cancelled: boolean;
}

/** Who events happen to: dead owners get none, paused ones get theirs later. */
export interface Owner {
  readonly name: string;
  alive: boolean;
  /** What came due meanwhile; `null`: not paused. */
  held: Scheduled[] | null;
}

/** What is due first; ties in order of creation. A binary heap: timers are many, and most are cancelled. */
export class EventHeap {
  readonly #items: Scheduled[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): Scheduled | undefined {
    return this.#items[0];
  }

  push(item: Scheduled): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }

  pop(): Scheduled | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = items[2 * at + 1];
      const right = items[2 * at + 2];
      const useRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = useRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      items[at] = child;
      at = 2 * at + (useRight ? 2 : 1);
    }
    items[at] = last;
    return first;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
