import { type Clock, monotonicNow } from "../../../environment/clock.js";

/**
 * Time that never goes back. Of a clock that has no such time itself, a jump ahead counts as time passed: it cannot be told
 * from a process that stood still.
 */
export function monotonic(clock: Clock): () => number {
  if (clock.monotonic !== undefined) return () => monotonicNow(clock);
  let last = clock.now();
  let addedMs = 0;
  return () => {
    const now = clock.now();
    if (now < last) addedMs += last - now;
    last = now;
    return now + addedMs;
  };
}
