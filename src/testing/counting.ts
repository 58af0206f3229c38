import type { Queue } from "../core/ports/queue.js";
import type { Store } from "../core/ports/store.js";
import { interceptQueue, QUEUE_METHODS, type QueueMethod } from "./faults/intercept-queue.js";
import { interceptStore, STORE_METHODS, type StoreMethod } from "./faults/intercept-store.js";

/** One round trip: which, and how many jobs or messages it named, or asked for at most. */
export interface CountedCall<M extends string> {
  readonly method: M;
  readonly items: number;
}

/** Round trips since the start or the last `reset`, counted when they are begun, whether they succeed or not. */
export interface Counter<M extends string> {
  readonly counts: Readonly<Record<M, number>>;
  /** In order of their beginning. */
  readonly calls: readonly CountedCall<M>[];
  /** Of the methods named; of all when none is. */
  total(...methods: readonly M[]): number;
  reset(): void;
}

/** A wrapped store and its counts: pass `store` on in place of the one that was wrapped. */
export interface CountingStore<Tx = never> extends Counter<StoreMethod> {
  readonly store: Store<Tx>;
}

/** A wrapped queue and its counts: pass `queue` on in place of the one that was wrapped. */
export interface CountingQueue extends Counter<QueueMethod> {
  readonly queue: Queue;
}

/** Wraps a store to count its round trips. The counts are live: read them off the returned object. */
export function countingStore<Tx = never>(inner: Store<Tx>): CountingStore<Tx> {
  const { counter, count } = makeCounter(STORE_METHODS);
  const store = interceptStore(inner, (method, items, call) => {
    count(method, items);
    return call();
  });
  return { ...counter, store };
}

/** Wraps a queue to count its round trips; those of its deliveries (`ack`, `release`, `extend`) too. */
export function countingQueue(inner: Queue): CountingQueue {
  const { counter, count } = makeCounter(QUEUE_METHODS);
  const queue = interceptQueue(inner, {
    send(messages, call) {
      count("send", messages.length);
      return call();
    },
    other(method, items, call) {
      count(method, items);
      return call();
    },
  });
  return { ...counter, queue };
}

interface CounterParts<M extends string> {
  readonly counter: Counter<M>;
  readonly count: (method: M, items: number) => void;
}

function makeCounter<M extends string>(methods: readonly M[]): CounterParts<M> {
  const counts = Object.fromEntries(methods.map((method) => [method, 0])) as Record<M, number>;
  const calls: CountedCall<M>[] = [];
  return {
    counter: {
      counts,
      calls,
      total: (...of) => (of.length === 0 ? calls : calls.filter(({ method }) => of.includes(method))).length,
      reset() {
        for (const method of methods) counts[method] = 0;
        calls.length = 0;
      },
    },
    count(method, items) {
      counts[method] += 1;
      calls.push({ method, items });
    },
  };
}
