import { RequestRefused } from "./problem.js";

/** Requests that wait, counted by owner: one caller must not hold all connections of a process. */
export interface Waits {
  /** Runs `wait`, unless too many of the owner's wait already. @throws RequestRefused `request.too_many_waits` */
  hold<T>(owner: string, wait: () => Promise<T>): Promise<T>;
}

export function createWaits(most: number): Waits {
  const waiting = new Map<string, number>();
  return {
    async hold(owner, wait) {
      const before = waiting.get(owner) ?? 0;
      if (before >= most) throw new RequestRefused("request.too_many_waits");
      waiting.set(owner, before + 1);
      try {
        return await wait();
      } finally {
        const left = (waiting.get(owner) ?? 1) - 1;
        if (left === 0) waiting.delete(owner);
        else waiting.set(owner, left);
      }
    },
  };
}
