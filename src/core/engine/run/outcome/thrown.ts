import type { AbortState } from "../abort-signal.js";
import type { AttemptError } from "../../../decide/finish.js";
import type { Json } from "../../../json/json.js";
import { nearestDurationMs } from "../../../options/durations.js";
import type { AbortReason } from "../../../handler.js";
import { messageOf, peek, storable } from "../text.js";

/** What a handler meant by throwing. */
export type Thrown =
  /** It gave in to its signal. */
  | { readonly is: "abort" }
  | { readonly is: "permanent"; readonly error: AttemptError }
  | { readonly is: "retry"; readonly error: AttemptError };

const LONGEST_CODE_CHARS = 128;
/** An error wrapped more deeply than this was not made by a person. */
const DEEPEST_CAUSE = 8;

/**
 * Classifies anything that was thrown, by brand and never by class: two copies of the package have two classes. Total:
 * `null`, a revoked proxy and an error with a hostile `message` are errors like any other.
 */
export function classify(
  thrown: unknown,
  signal: AbortState,
  maxTextChars: number,
  details: (given: unknown) => Json = () => null,
): Thrown {
  const brand = peek(thrown, "brand");
  const code = peek(thrown, "code");
  const branded = brand === "waybill.permanent" || brand === "waybill.retry";
  const error: AttemptError = {
    message: storable(messageOf(thrown), maxTextChars),
    // A code of somebody else's error is not the application's.
    code: branded && typeof code === "string" ? storable(code, LONGEST_CODE_CHARS) : null,
    expose: branded && peek(thrown, "expose") === true,
    details: branded ? details(peek(thrown, "details")) : null,
    afterMs: brand === "waybill.retry" ? nearestDurationMs(peek(thrown, "afterMs")) : null,
  };
  if (brand === "waybill.permanent") return { is: "permanent", error };
  if (brand !== "waybill.retry" && signal.aborted && isAbort(thrown, signal)) return { is: "abort" };
  return { is: "retry", error };
}

/** Whether an error is what the signal made of a call: itself, or wrapped by whoever passed it on. */
function isAbort(thrown: unknown, signal: AbortState): boolean {
  let error = thrown;
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    if (error === signal.reason || peek(error, "name") === "AbortError") return true;
    if (peek(error, "brand") === "waybill.aborted") return true;
    error = peek(error, "cause");
    if (error === undefined) return false;
  }
  return false;
}

/** Why a signal of ours was aborted. */
export function reasonOf(signal: AbortState): AbortReason {
  return peek(signal.reason, "reason") as AbortReason;
}
