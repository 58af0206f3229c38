import { keyOf, type Possible } from "./job-state.js";
import type { StoreOperation } from "./operation.js";
import { apply } from "./specification.js";

/** What the search for an order came to. */
export interface Found {
  /** `undecided`: the search was given up at its bound. */
  readonly verdict: "linearizable" | "not_linearizable" | "undecided";
  /** Operations that were tried. */
  readonly tried: number;
  /** What may be stored in the end, as far as it was looked for. */
  readonly ends: readonly Possible[];
}

export interface SearchLimits {
  /** Operations to try before the search is given up. */
  readonly mostTried: number;
  /** How many different ends to look for; the first is enough for a verdict. */
  readonly mostEnds: number;
}

/** An operation that was put in its place, and what to take back with it. */
interface Step {
  readonly index: number;
  readonly state: Possible;
  readonly bound: number;
  readonly latestInvoked: number;
  readonly done: bigint;
}

/**
 * Looks for an order of the operations of one job, each between its invocation and its answer, in which every answer is
 * the one that the contract gives: depth first, the way of Wing and Gong, never twice from one set of placed operations
 * and one state (Lowe). Operations without an answer may take effect at any place behind their invocation, or at none.
 */
export function findOrder(
  operations: readonly StoreOperation[],
  initial: Possible,
  limits: SearchLimits,
): Found {
  return new Search(operations, initial, limits).run();
}

class Search {
  /** Those that must take effect come first, each part in the order of invocation. */
  readonly #operations: readonly StoreOperation[];
  readonly #needed: number;
  readonly #limits: SearchLimits;
  /** The operations that are left, as a ring with its head behind the last. */
  readonly #next: number[];
  readonly #previous: number[];
  readonly #head: number;
  readonly #seen = new Map<string, Set<bigint>>();
  readonly #ends = new Map<string, Possible>();
  #steps: Step[] = [];
  #state: Possible;
  #done = 0n;
  #left: number;
  #latestInvoked = 0;
  #tried = 0;

  constructor(operations: readonly StoreOperation[], initial: Possible, limits: SearchLimits) {
    const inOrder = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
    const needed = inOrder.filter(mustTakeEffect);
    this.#operations = [...needed, ...inOrder.filter((operation) => !mustTakeEffect(operation))];
    this.#needed = needed.length;
    this.#left = needed.length;
    this.#limits = limits;
    this.#state = initial;
    const count = this.#operations.length;
    this.#head = count;
    this.#next = Array.from({ length: count + 1 }, (_, index) => (index === count ? 0 : index + 1));
    this.#previous = Array.from({ length: count + 1 }, (_, index) => (index === 0 ? count : index - 1));
  }

  run(): Found {
    let index = this.#first();
    let bound = Infinity;
    for (;;) {
      if (this.#left === 0) {
        this.#ends.set(keyOf(this.#state), this.#state);
        if (this.#ends.size >= this.#limits.mostEnds) return this.#found("linearizable");
      }
      const operation = this.#operations[index];
      if (operation === undefined) {
        const step = this.#takeBack();
        if (step === undefined) return this.#found(this.#ends.size > 0 ? "linearizable" : "not_linearizable");
        bound = this.#boundBehind(step.index, step.bound);
        index = this.#after(step.index, bound);
        continue;
      }
      this.#tried += 1;
      if (this.#tried > this.#limits.mostTried)
        return this.#found(this.#ends.size > 0 ? "linearizable" : "undecided");
      if (this.#place(index, operation, bound)) {
        index = this.#first();
        bound = Infinity;
      } else {
        bound = this.#boundBehind(index, bound);
        index = this.#after(index, bound);
      }
    }
  }

  #found(verdict: Found["verdict"]): Found {
    return { verdict, tried: this.#tried, ends: [...this.#ends.values()] };
  }

  #first(): number {
    return this.#next[this.#head] ?? this.#head;
  }

  /** Nothing may come before an operation that was answered before it was invoked. */
  #boundBehind(index: number, bound: number): number {
    const operation = this.#operations[index];
    if (operation === undefined || index >= this.#needed) return bound;
    return Math.min(bound, operation.answeredAt ?? Infinity);
  }

  /** The next operation that may come first of those that are left; the head: none. */
  #after(index: number, bound: number): number {
    let next = this.#next[index] ?? this.#head;
    while (next !== this.#head && (this.#operations[next]?.invokedAt ?? 0) > bound) {
      // The rest of this part was invoked later still; the other part begins anew.
      next = next < this.#needed ? this.#firstOptional() : this.#head;
    }
    return next;
  }

  #firstOptional(): number {
    let last = this.#head;
    for (
      let index = this.#previous[this.#head] ?? this.#head;
      index !== this.#head && index >= this.#needed;
    ) {
      last = index;
      index = this.#previous[index] ?? this.#head;
    }
    return last;
  }

  #place(index: number, operation: StoreOperation, bound: number): boolean {
    // One that need not take effect comes in time, or not at all.
    if ((operation.answeredAt ?? Infinity) < this.#latestInvoked) return false;
    const state = apply(this.#state, operation);
    if (state === null) return false;
    const done = this.#done | (1n << BigInt(index));
    if (!this.#isNew(state, done)) return false;
    const { invokedAt } = operation;
    this.#steps.push({
      index,
      state: this.#state,
      bound,
      latestInvoked: this.#latestInvoked,
      done: this.#done,
    });
    this.#state = state;
    this.#done = done;
    this.#latestInvoked = Math.max(this.#latestInvoked, invokedAt);
    if (index < this.#needed) this.#left -= 1;
    this.#link(this.#previous[index] ?? this.#head, this.#next[index] ?? this.#head);
    return true;
  }

  #takeBack(): Step | undefined {
    const step = this.#steps.pop();
    if (step === undefined) return undefined;
    const { index } = step;
    this.#state = step.state;
    this.#done = step.done;
    this.#latestInvoked = step.latestInvoked;
    if (index < this.#needed) this.#left += 1;
    this.#link(this.#previous[index] ?? this.#head, index);
    this.#link(index, this.#next[index] ?? this.#head);
    return step;
  }

  #link(before: number, behind: number): void {
    this.#next[before] = behind;
    this.#previous[behind] = before;
  }

  #isNew(state: Possible, done: bigint): boolean {
    const key = keyOf(state);
    const sets = this.#seen.get(key);
    if (sets === undefined) {
      this.#seen.set(key, new Set([done]));
      return true;
    }
    if (sets.has(done)) return false;
    sets.add(done);
    return true;
  }
}

function mustTakeEffect({ answer }: StoreOperation): boolean {
  return answer !== null && answer.status !== "perhaps";
}
