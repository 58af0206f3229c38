import type { Clock } from "../../clock.js";

/**
 * The store's clock as seen from here: the local clock, corrected by what the last reply said. Decisions are made by it;
 * what safety rests on is judged again inside the store.
 */
export interface StoreTime {
  now(): number;
  /** A reply has arrived that was made at `nowMs` of the store. */
  heard(nowMs: number): void;
}

export function storeTime(clock: Clock, kind: "server" | "caller"): StoreTime {
  let offsetMs = 0;
  return {
    // Whole, whatever the clocks say: instants go into ids, cursors and integer columns.
    now: () => Math.floor(clock.now() + offsetMs),
    heard(nowMs) {
      // A store without a clock of its own echoes ours: the difference would only be the time of the call.
      if (kind === "server") offsetMs = nowMs - clock.now();
    },
  };
}
