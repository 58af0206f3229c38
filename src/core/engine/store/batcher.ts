import type { Clock } from "../../environment/clock.js";

interface BatcherOptions<I, O> {
  readonly clock: Clock;
  /** Most items in one call. */
  readonly maxBatch: number;
  /** Calls under way at once; while they are, the next batch builds. */
  readonly lanes: number;
  /** After this a call that has no answer yet gives its lane to the next: what hangs must not hold up the others. */
  readonly slowMs?: number;
  /** Items with one key never share a batch; `null`: any may. */
  readonly keyOf: ((item: I) => string) | null;
  /** Nor are two of one key under way at once. @default false */
  readonly isOrdered?: boolean;
  readonly run: (items: readonly I[]) => Promise<readonly O[]>;
  /**
   * Whether an error may be about one item rather than about the call: the others are then asked for without it. Only where
   * asking twice does no harm, since the call may have done a part.
   */
  readonly isOfOneItem?: (error: unknown) => boolean;
}

export interface Batcher<I, O> {
  /** Resolves with the item's own answer; rejects with the error of the smallest call that it was part of. */
  add(item: I): Promise<O>;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (value: O) => void;
  readonly reject: (reason: unknown) => void;
}

type Batch<I, O> = readonly Waiting<I, O>[];

/** Calls that gave their lane away: each may hold a connection of a pool. */
const MOST_SLOW = 4;

/** Concurrent callers share one call: whatever is asked for in one turn of the event loop travels together. */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  return new Lanes(options);
}

class Lanes<I, O> implements Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>;
  /** In their order; those in front of `from` have left. */
  #waiting: { readonly list: Waiting<I, O>[]; readonly from: number } = { list: [], from: 0 };
  /** Of ordered items that are under way. */
  readonly #held = new Set<string>();
  #underWay = 0;
  #slow = 0;
  #scheduled = false;

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options;
  }

  add(item: I): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.#waiting.list.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  // Every answered batch looks again: a batcher that is only woken by new items sleeps on those it held back.
  #schedule(): void {
    const { clock, lanes } = this.#options;
    if (this.#scheduled || !this.#isWaiting() || this.#underWay >= lanes) return;
    this.#scheduled = true;
    clock.defer(() => {
      this.#flush();
    });
  }

  #flush(): void {
    this.#scheduled = false;
    while (this.#isWaiting() && this.#underWay < this.#options.lanes) {
      const batch = this.#take();
      // All that wait are kept by others of their key, and are looked at again when those have their answer.
      if (batch.length === 0) return;
      void this.#travel(batch);
    }
  }

  #isWaiting(): boolean {
    return this.#waiting.list.length > this.#waiting.from;
  }

  #take(): Batch<I, O> {
    const { keyOf, maxBatch } = this.#options;
    const keys = new Set<string>();
    const batch: Waiting<I, O>[] = [];
    const kept: Waiting<I, O>[] = [];
    const { list, from } = this.#waiting;
    let next = from;
    for (let entry = list[next]; entry !== undefined && batch.length < maxBatch; entry = list[next]) {
      next += 1;
      const key = keyOf?.(entry.item);
      if (key !== undefined && (keys.has(key) || this.#held.has(key))) kept.push(entry);
      else {
        if (key !== undefined) keys.add(key);
        batch.push(entry);
      }
    }
    this.#leave(kept, next);
    return batch;
  }

  /** Those behind `next` stay where they are, however many: only what was looked at is moved. */
  #leave(kept: Batch<I, O>, next: number): void {
    const { list } = this.#waiting;
    const from = next - kept.length;
    for (const [index, entry] of kept.entries()) list[from + index] = entry;
    // What has left is given back now and then, at the price of what stays.
    const isMostlyGone = from * 2 >= list.length;
    this.#waiting = isMostlyGone ? { list: list.slice(from), from: 0 } : { list, from };
  }

  /** Takes a lane for as long as the call is neither answered nor slow. */
  async #travel(batch: Batch<I, O>): Promise<void> {
    const { keyOf, isOrdered = false } = this.#options;
    const keys = isOrdered && keyOf !== null ? batch.map(({ item }) => keyOf(item)) : [];
    for (const key of keys) this.#held.add(key);
    const leave = this.#enter();
    await this.#send(batch);
    leave();
    for (const key of keys) this.#held.delete(key);
    this.#schedule();
  }

  /** @returns how to leave the lane, which a slow call has left already */
  #enter(): () => void {
    const { clock, slowMs } = this.#options;
    const call = { isSlow: false };
    this.#underWay += 1;
    const giveLane = (): void => {
      if (this.#slow >= MOST_SLOW) return;
      call.isSlow = true;
      this.#slow += 1;
      this.#underWay -= 1;
      this.#schedule();
    };
    const cancel = slowMs === undefined ? null : clock.timer(slowMs, giveLane);
    return () => {
      cancel?.();
      if (call.isSlow) this.#slow -= 1;
      else this.#underWay -= 1;
    };
  }

  async #send(batch: Batch<I, O>): Promise<void> {
    const { run, isOfOneItem } = this.#options;
    try {
      const results = await run(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) {
        const result = results[index];
        if (result === undefined)
          entry.reject(new TypeError("a port answered fewer items than it was asked"));
        else entry.resolve(result);
      }
    } catch (error) {
      if (batch.length > 1 && isOfOneItem?.(error) === true) {
        // By halves: of many items one bad one costs a few more calls, and the good half does not wait for it.
        const half = Math.ceil(batch.length / 2);
        await Promise.all([this.#send(batch.slice(0, half)), this.#send(batch.slice(half))]);
      } else for (const entry of batch) entry.reject(error);
    }
  }
}
