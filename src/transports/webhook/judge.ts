import type { PublishResult } from "../../core/ports/notifier.js";
import { retryAfterMs } from "../../core/wire/retry-after.js";
import { AddressRefused } from "./network.js";
import type { WebhookAnswer } from "./post.js";

/** Of a receiver that is asked too often and does not say when to come again. */
const HELD_MS = 30_000;

/** What an answer means for the event. */
export function judgeAnswer({ status, retryAfter }: WebhookAnswer, nowMs: number): PublishResult {
  if (status >= 200 && status < 300) return { status: "delivered" };
  if (status === 410) return { status: "rejected", reason: "the endpoint answered 410: it is gone" };
  const reason = `the endpoint answered ${status}`;
  const waitMs = retryAfterMs(retryAfter, nowMs);
  if (status === 429 || status === 503) return { status: "held", reason, afterMs: waitMs ?? HELD_MS };
  if (status >= 300 && status < 400) return { status: "retry", reason: `${reason}, a redirect` };
  return { status: "retry", reason, ...(waitMs !== null && { afterMs: waitMs }) };
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
