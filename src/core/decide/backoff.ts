/** Exponential backoff with full jitter: uniform between 0 and the doubled base, capped. Whole milliseconds, never below 0. */
export function backoffMs(
  failures: number,
  bounds: { readonly baseMs: number; readonly capMs: number },
  random: number,
): number {
  const ceiling = Math.min(bounds.capMs, bounds.baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 52));
  return Math.max(0, Math.floor(ceiling * random));
}

/** Doubling without jitter, capped. */
export function doubled(times: number, baseMs: number, capMs: number): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(times, 52));
}
