import type { PublishResult } from "../../core/ports/notifier.js";

/** Why something was not delivered. */
export type Failure = Exclude<PublishResult, { readonly status: "delivered" }>;

export const DELIVERED: PublishResult = { status: "delivered" };

/** How long to leave AppSync alone that asks for it and does not say how long: its limits are counted per second. */
const THROTTLED_MS = 2_000;

/** A request that could not be made. Its message is a reason: it may be shown and logged. */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";
}

export function retry(reason: string, afterMs?: number | null): Failure {
  return { status: "retry", reason, ...(typeof afterMs === "number" && { afterMs }) };
}

export function held(reason: string, afterMs?: number | null): Failure {
  return { status: "held", reason, afterMs: afterMs ?? THROTTLED_MS };
}

export function rejected(reason: string): Failure {
  return { status: "rejected", reason };
}

/** Tells a failure from what could be made. */
export function isFailure(made: object): made is Failure {
  return "reason" in made;
}

/** Names of errors that AppSync and the services behind it use for "not so fast". */
const THROTTLED = /throttl|too ?many ?requests|limit ?exceeded|rate ?exceeded/i;

/** Whether the name of an error asks to slow down. */
export function isThrottled(errorType: string): boolean {
  return THROTTLED.test(errorType);
}

/**
 * What a status other than 200 means. Nearly all is tried again: a key, a permission or an address that is wrong gets mended, and
 * the events of that time are wanted. Being too fast uses nothing up; only an event that is too large is given up.
 *
 * @param errorType - of the first error in the body
 */
export function statusFailure(status: number, errorType: string | null, afterMs: number | null): Failure {
  const reason = `AppSync answered ${status}${errorType === null ? "" : ` (${errorType})`}`;
  if (status === 413) return rejected(reason);
  if (status === 429 || (errorType !== null && isThrottled(errorType))) return held(reason, afterMs);
  return retry(reason, afterMs);
}

/** Names of errors about the sender: keys, signatures, permissions, and times that are over. */
const UNAUTHORIZED =
  /unauthori|not ?authori|access ?denied|forbidden|token|signature|credential|unrecognized ?client|expired/i;

/** Whether the name of an error is about who asks, and not about what. */
export function isUnauthorized(errorType: string): boolean {
  return UNAUTHORIZED.test(errorType);
}

/**
 * Whether a status says that the request could not be read, or is too large: what of several events is to blame is not said.
 * AWS answers 400 too to who is too fast, or not known: to ask again, one by one, would help nobody.
 */
export function isAboutContent(status: number, errorType: string | null): boolean {
  if (status !== 400) return status === 413;
  return errorType === null || !(isThrottled(errorType) || isUnauthorized(errorType));
}

/**
 * The name of an error, if it is one: a name of letters only. An answer is somebody else's text and may quote what was sent,
 * so nothing else of it ever becomes part of a reason.
 */
export function errorTypeOf(error: unknown): string | null {
  const type = (error as { readonly errorType?: unknown } | null | undefined)?.errorType;
  return typeof type === "string" && /^[A-Z][A-Za-z]{2,59}$/.test(type) ? type : null;
}
