import { CONFIG_INVALID } from "./code-facts.js";
import { CodedError, type ErrorFacts } from "./coded-error.js";

/** The error of an option that cannot be used. */
export function configInvalid(sentence: string, facts: ErrorFacts = {}): CodedError<"config.invalid"> {
  return new CodedError("config.invalid", CONFIG_INVALID, sentence, facts);
}
