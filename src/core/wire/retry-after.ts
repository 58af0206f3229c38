/** By the notifier port: nothing waits longer. */
const MOST_WAIT_MS = 86_400_000;
const LEAST_WAIT_MS = 1_000;

/**
 * Milliseconds that a `Retry-After` asks for, between a second and a day: in seconds, or as a date (RFC 9110 §10.2.3), of which
 * the obsolete forms are not read. `null`: it is not there, or asks for nothing that can be read.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  const ms = /^\d{1,10}$/.test(text)
    ? Number(text) * 1000
    : /^[A-Z][a-z]{2}, .* GMT$/.test(text)
      ? Date.parse(text) - nowMs
      : Number.NaN;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, LEAST_WAIT_MS), MOST_WAIT_MS);
}
