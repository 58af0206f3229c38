import type { Clock } from "../../clock.js";

interface BatcherOptions<I, O> {
  readonly clock: Clock;
  /** Most items in one call. */
  readonly maxBatch: number;
  /** Calls under way at once; while they are, the next batch builds. */
  readonly lanes: number;
  /** Items with one key never share a batch; `null`: any may. */
  readonly keyOf: ((item: I) => string) | null;
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

/** Concurrent callers share one call: whatever is asked for in one turn of the event loop travels together. */
export function createBatcher<I, O>(options: BatcherOptions<I, O>): Batcher<I, O> {
  const { clock, maxBatch, lanes, keyOf, run, isOfOneItem = () => false } = options;
  let waiting: Waiting<I, O>[] = [];
  let underWay = 0;
  let scheduled = false;

  const take = (): Waiting<I, O>[] => {
    const keys = new Set<string>();
    const batch: Waiting<I, O>[] = [];
    const left: Waiting<I, O>[] = [];
    for (const entry of waiting) {
      const key = keyOf?.(entry.item);
      if (batch.length >= maxBatch || (key !== undefined && keys.has(key))) left.push(entry);
      else {
        if (key !== undefined) keys.add(key);
        batch.push(entry);
      }
    }
    waiting = left;
    return batch;
  };

  const send = async (batch: readonly Waiting<I, O>[]): Promise<void> => {
    try {
      const results = await run(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) {
        const result = results[index];
        if (result === undefined)
          entry.reject(new TypeError("a port answered fewer items than it was asked"));
        else entry.resolve(result);
      }
    } catch (error) {
      if (batch.length > 1 && isOfOneItem(error)) {
        // By halves: of many items one bad one costs a few more calls.
        const half = Math.ceil(batch.length / 2);
        await send(batch.slice(0, half));
        await send(batch.slice(half));
      } else for (const entry of batch) entry.reject(error);
    }
  };

  const flush = (): void => {
    scheduled = false;
    while (waiting.length > 0 && underWay < lanes) {
      underWay += 1;
      void send(take()).then(() => {
        underWay -= 1;
        schedule();
      });
    }
  };

  // Every answered batch looks again: a batcher that is only woken by new items sleeps on those it held back.
  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || underWay >= lanes) return;
    scheduled = true;
    clock.defer(flush);
  };

  return {
    add: (item) =>
      new Promise<O>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      }),
  };
}
