import type { PublishResult } from "../../core/ports/notifier.js";
import { AddressRefused } from "./network.js";
import type { WebhookAnswer } from "./post.js";

/** By the port: nothing waits longer. */
const MOST_WAIT_MS = 86_400_000;
const LEAST_WAIT_MS = 1_000;
/** Of a receiver that is asked too often and does not say when to come again. */
const HELD_MS = 30_000;

/** What an answer means for the event. */
export function judgeAnswer({ status, retryAfter }: WebhookAnswer, nowMs: number): PublishResult {
  if (status >= 200 && status < 300) return { status: "delivered" };
  if (status === 410) return { status: "rejected", reason: "the endpoint answered 410: it is gone" };
  const reason = `the endpoint answered ${status}`;
  const waitMs = retryAfter === null ? null : retryAfterMs(retryAfter, nowMs);
  if (status === 429 || status === 503) return { status: "held", reason, afterMs: waitMs ?? HELD_MS };
  if (status >= 300 && status < 400) return { status: "retry", reason: `${reason}, a redirect` };
  return { status: "retry", reason, ...(waitMs !== null && { afterMs: waitMs }) };
}

/**
 * The wait that `Retry-After` asks for, between a second and a day: seconds, or a date (RFC 9110 §10.2.3), of which the
 * obsolete forms are not read. `null`: it is neither.
 */
export function retryAfterMs(value: string, nowMs: number): number | null {
  const text = value.trim();
  const ms = /^\d{1,10}$/.test(text)
    ? Number(text) * 1000
    : /^[A-Z][a-z]{2}, .* GMT$/.test(text)
      ? Date.parse(text) - nowMs
      : Number.NaN;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, LEAST_WAIT_MS), MOST_WAIT_MS);
}

/** What a failure without an answer means. Its message may name the address, or quote: only its code is told. */
export function judgeFailure(error: unknown): PublishResult {
  if (error instanceof AddressRefused) {
    return { status: "retry", reason: "the endpoint has an address that is not public" };
  }
  const { code } = error as { readonly code?: unknown };
  const known = typeof code === "string" && /^[A-Z0-9_]{1,60}$/.test(code);
  return { status: "retry", reason: known ? `no answer: ${code}` : "no answer" };
}
