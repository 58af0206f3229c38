const SHORTEST_MS = 250;
const LONGEST_MS = 30_000;

/**
 * The pause after the nth failure in a row: full jitter below a limit that doubles, 0.25 to 30 s. Many clients that lost
 * the same server come back spread out, and none at once.
 */
export function backoffMs(failures: number, random: number): number {
  const limit = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures);
  return SHORTEST_MS + random * (limit - SHORTEST_MS);
}
