import type { Json } from "../json/json.js";
import { hearPromises } from "../errors/foreign.js";
import { parseJsonText, toJsonText } from "../json/json-text.js";
import type { Core } from "./context.js";

/** What goes with a failure, as it can be stored: whole or not at all, and what is left out is said. Total: never throws. */
export function detailsOf({ policy, logger }: Core, kind: string, given: unknown): Json {
  if (given === undefined || given === null) return null;
  const text = toJsonText(given, { maxBytes: policy.maxDetailsBytes });
  if (text.ok) return parseJsonText(text.text);
  hearPromises(given);
  logger.warn("the details of a failure were left out", { kind, why: text.reason });
  return null;
}
