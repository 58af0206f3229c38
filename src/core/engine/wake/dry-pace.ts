/** How long a worker that found nothing waits before it asks again. */
export interface DryPace {
  /** Something was found, or told of: more may follow soon. */
  found(): void;
  /** @param isTold - new work would be told of: asking only repairs what was lost on the way */
  nextMs(isTold: boolean): number;
}

const SHORTEST_MS = 5;

/** Soon after the last job and ever more seldom, up to the interval; with jitter, so that workers part ways. */
export function createDryPace(intervalMs: number, random: () => number): DryPace {
  let restMs = SHORTEST_MS;
  return {
    found() {
      restMs = SHORTEST_MS;
    },
    nextMs(isTold) {
      const jitter = 0.75 + random() / 2;
      if (isTold) return intervalMs * jitter;
      const ms = Math.min(restMs, intervalMs);
      restMs = Math.min(restMs * 2, intervalMs);
      return ms * jitter;
    },
  };
}
