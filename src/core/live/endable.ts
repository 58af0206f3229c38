import { onAbort } from "./on-abort.js";

const DONE = { done: true, value: undefined } as const;

/**
 * A generator that ends at once, whoever ends it. A plain async generator keeps `return()` waiting behind a `next()` that
 * waits itself, which may be for ever: nobody could stop looking at what does not change.
 *
 * `return()`, or the signal, settles every `next()` that waits, and `over` tells the generator to clean up in its own time;
 * what it still yields or throws is for nobody.
 *
 * @param start - begins the work, at the first `next()`
 */
export function endable<T>(
  start: (over: AbortSignal) => AsyncGenerator<T, void>,
  signal?: AbortSignal,
): AsyncGenerator<T, void> {
  const over = new AbortController();
  const waiting = new Set<(end: IteratorResult<T, void>) => void>();
  let work: AsyncGenerator<T, void> | null = null;

  const end = (): void => {
    deaf();
    over.abort();
    for (const settle of waiting) settle(DONE);
    waiting.clear();
    // It may stand at a `yield`, where it hears of nothing.
    work?.return().catch(() => undefined);
    work = null;
  };
  const deaf = onAbort(signal, end);

  const next = (): Promise<IteratorResult<T, void>> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) end();
      if (over.signal.aborted) {
        resolve(DONE);
        return;
      }
      waiting.add(resolve);
      const step = (work ??= start(over.signal)).next();
      step
        .finally(() => {
          waiting.delete(resolve);
        })
        .then(resolve, reject);
      step.then(({ done }) => {
        if (done === true) end();
      }, end);
    });

  return {
    next,
    return: async () => {
      end();
      return DONE;
    },
    throw: async (error: unknown) => {
      end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      end();
    },
  };
}
