/** The last instant that `Date` knows. */
export const LAST_INSTANT = 8.64e15;

/** When work that goes on as it went will be done; `undefined`: it has not got anywhere yet. */
export function etaFromPercent(percent: number | null, since: number, now: number): number | undefined {
  if (percent === null || percent <= 0) return undefined;
  // A clock may stand before the start of the work; what is expected is never over.
  return Math.floor(Math.min(LAST_INSTANT, Math.max(now, since + (now - since) / percent)));
}
