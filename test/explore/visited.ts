/**
 * The states that were met, by a hash of 64 bits of their text, and the steps between them; typed arrays, so that millions
 * fit. Two states under one hash would hide the second: among ten million states the odds are 3 in a million.
 */
export class Visited {
  #slots = new Int32Array(1 << 16).fill(-1);
  #low = new Int32Array(1 << 15);
  #high = new Int32Array(1 << 15);
  #parents = new Int32Array(1 << 15);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of a state, if it was met. */
  find(text: string): number | null {
    const { low, high } = hash(text);
    const id = this.#slots[this.#slotOf(low, high)]!;
    return id < 0 ? null : id;
  }

  /** The number of a state; where it is new, the next one: `size` has grown then. */
  add(text: string, parent: number): number {
    const { low, high } = hash(text);
    const slot = this.#slotOf(low, high);
    const known = this.#slots[slot]!;
    if (known >= 0) return known;
    const id = this.#size;
    if (id === this.#low.length) {
      this.#low = grown(this.#low);
      this.#high = grown(this.#high);
      this.#parents = grown(this.#parents);
    }
    this.#low[id] = low;
    this.#high[id] = high;
    this.#parents[id] = parent;
    this.#slots[slot] = id;
    this.#size += 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return id;
  }

  /** The numbers from the first state to this one. */
  pathTo(id: number): readonly number[] {
    const path = [id];
    for (let at = id; at > 0;) {
      at = this.#parents[at]!;
      path.push(at);
    }
    return path.reverse();
  }

  #slotOf(low: number, high: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]!;
      if (id < 0 || (this.#low[id] === low && this.#high[id] === high)) return slot;
    }
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1);
    for (let id = 0; id < this.#size; id += 1) {
      this.#slots[this.#slotOf(this.#low[id]!, this.#high[id]!)] = id;
    }
  }
}

/** The steps that are not faults, kept to be walked backwards. States are expanded in the order of their numbers. */
export class Edges {
  #to = new Int32Array(1 << 16);
  /** Where the steps of each state begin. */
  #begins = new Int32Array(1 << 15);
  #states = 0;
  #count = 0;

  /** The steps added from here on are those of the next state. */
  next(): void {
    if (this.#states === this.#begins.length) this.#begins = grown(this.#begins);
    this.#begins[this.#states] = this.#count;
    this.#states += 1;
  }

  add(to: number): void {
    if (this.#count === this.#to.length) this.#to = grown(this.#to);
    this.#to[this.#count] = to;
    this.#count += 1;
  }

  /** Numbers rise with the depth: the first is one with a shortest path. */
  firstThatCannotReach(targets: readonly number[]): number | null {
    const { ends, from } = this.#reversed();
    const reaches = new Uint8Array(this.#states);
    const open = [...targets];
    for (const target of targets) reaches[target] = 1;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (let edge = at === 0 ? 0 : ends[at - 1]!; edge < ends[at]!; edge += 1) {
        const before = from[edge]!;
        if (reaches[before] === 1) continue;
        reaches[before] = 1;
        open.push(before);
      }
    }
    const dead = reaches.indexOf(0);
    return dead < 0 ? null : dead;
  }

  /** For each state, those that a step leads from: `from`, up to `ends` of the state. */
  #reversed(): { readonly ends: Int32Array; readonly from: Int32Array } {
    const ends = new Int32Array(this.#states);
    for (let edge = 0; edge < this.#count; edge += 1) ends[this.#to[edge]!]! += 1;
    let total = 0;
    for (let state = 0; state < this.#states; state += 1) {
      total += ends[state]!;
      ends[state] = total;
    }
    const from = new Int32Array(this.#count);
    const free = ends.slice();
    for (let state = 0; state < this.#states; state += 1) {
      const end = state + 1 < this.#states ? this.#begins[state + 1]! : this.#count;
      for (let edge = this.#begins[state]!; edge < end; edge += 1) {
        const to = this.#to[edge]!;
        free[to]! -= 1;
        from[free[to]!] = state;
      }
    }
    return { ends, from };
  }
}

/** Two lanes of 32 bits with different multipliers, each mixed after every character. */
function hash(text: string): { readonly low: number; readonly high: number } {
  let low = 0x9e3779b9 | 0;
  let high = 0x7f4a7c15 | 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    low = Math.imul(low ^ code, 0x85ebca6b);
    low ^= low >>> 13;
    high = Math.imul(high ^ code, 0xc2b2ae35);
    high ^= high >>> 16;
  }
  low = Math.imul(low ^ (low >>> 16), 0x27d4eb2f);
  high = Math.imul(high ^ (high >>> 15), 0x165667b1);
  return { low: low ^ (low >>> 15), high: high ^ (high >>> 13) };
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
