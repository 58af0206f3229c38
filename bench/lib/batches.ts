/** Callers that ask one at a time share calls: whatever waits when a lane is free leaves together. For the raw floors. */
export function batched<T>(
  maxBatch: number,
  lanes: number,
  run: (items: readonly T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let waiting: {
    readonly item: T;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  let underWay = 0;
  let scheduled = false;

  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || underWay >= lanes) return;
    scheduled = true;
    setImmediate(flush);
  };
  const flush = (): void => {
    scheduled = false;
    while (waiting.length > 0 && underWay < lanes) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      underWay += 1;
      run(batch.map(({ item }) => item))
        .then(
          () => {
            for (const { resolve } of batch) resolve();
          },
          (error: unknown) => {
            for (const { reject } of batch) reject(error);
          },
        )
        .finally(() => {
          underWay -= 1;
          schedule();
        });
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
}
