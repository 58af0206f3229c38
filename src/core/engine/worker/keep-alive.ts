import type { Clock } from "../../environment/clock.js";

const KEEP_ALIVE_MS = 60_000;

/** Something that runs keeps its process alive, whatever else there waits for. Returns how to let go. */
export function keepAlive(clock: Clock): () => void {
  let cancel: () => void = () => undefined;
  const hold = (): void => {
    cancel = clock.timer(KEEP_ALIVE_MS, hold, true);
  };
  hold();
  return () => {
    cancel();
  };
}
