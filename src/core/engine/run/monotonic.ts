import type { Clock } from "../../clock.js";

/** Time that never goes back. A jump ahead counts as time passed: it cannot be told from a process that stood still. */
export function monotonic(clock: Clock): () => number {
  let last = clock.now();
  let addedMs = 0;
  return () => {
    const now = clock.now();
    if (now < last) addedMs += last - now;
    last = now;
    return now + addedMs;
  };
}
