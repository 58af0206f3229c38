import { ERROR_CODES, type ErrorCode } from "../../errors/error-codes.js";
import { isWaybillError, type WaybillError } from "../../errors/errors.js";

/** What a store says of a value that it will take at no time: asking again changes nothing. */
const CODES: ReadonlySet<ErrorCode> = new Set(["store.unstorable", "input.too_large", "config.invalid"]);

/** Whether a write was refused for what it holds, with nothing written. */
export function isUnstorable(error: unknown): error is WaybillError {
  return isWaybillError(error) && error.outcome === "not_applied" && CODES.has(error.code);
}

/** Why, as a store said it: its sentence without the remedy, which is for whoever reads errors. */
export function whyUnstorable(error: WaybillError): string {
  const [sentence = ""] = error.message.split(` ${ERROR_CODES[error.code].remedy}`);
  return `What was to be stored cannot be: ${sentence}`;
}
