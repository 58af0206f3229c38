import { RequestRefused } from "./problem.js";

/** Requests that wait, and streams that are open, by owner. */
export interface Waits {
  /** Takes a place for something that stays open; returns how to give it back, safe to call twice. @throws RequestRefused `request.too_many_waits` */
  open(owner: string): () => void;
  /** Runs `wait`, unless too many of the owner's wait already. @throws RequestRefused `request.too_many_waits` */
  hold<T>(owner: string, wait: () => Promise<T>): Promise<T>;
}

export function createWaits(most: number): Waits {
  const waiting = new Map<string, number>();
  const open = (owner: string): (() => void) => {
    const before = waiting.get(owner) ?? 0;
    if (before >= most) throw new RequestRefused("request.too_many_waits");
    waiting.set(owner, before + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (waiting.get(owner) ?? 1) - 1;
      if (left > 0) waiting.set(owner, left);
      else waiting.delete(owner);
    };
  };
  return {
    open,
    async hold(owner, wait) {
      const release = open(owner);
      try {
        return await wait();
      } finally {
        release();
      }
    },
  };
}
