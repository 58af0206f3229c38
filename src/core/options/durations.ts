/** The longest duration, a hundred years: beyond it instants stop being exact somewhere. */
const LONGEST_MS: number = 100 * 365 * 86_400_000;

/** What `Number.POSITIVE_INFINITY` means of how long something is kept: nobody has to pick a number for "for ever". */
export const FOR_EVER_MS: number = LONGEST_MS;

/** The highest count that every store keeps. */
export const HIGHEST_COUNT = 2_147_483_647;

/** A duration that every store keeps: whole milliseconds, not negative, not absurd. */
export function isDurationMs(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= LONGEST_MS;
}

/** The nearest duration to a number that may be anything; `null`: it is no number. */
export function nearestDurationMs(value: unknown): number | null {
  if (typeof value !== "number" || Number.isNaN(value)) return null;
  return Math.min(LONGEST_MS, Math.max(0, Math.floor(value)));
}
