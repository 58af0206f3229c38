import { WaybillError } from "../../errors/errors.js";
import { ID_PATTERN } from "../../environment/ids.js";

/** The longest owner, subject, key or name, characters. */
const LONGEST_TEXT = 256;

/** Text that every store can hold and find again: not empty, bounded, without NUL and without half characters. */
export function requireText(option: string, value: unknown, longest = LONGEST_TEXT): void {
  if (typeof value !== "string" || value === "" || value.length > longest) {
    throw new WaybillError(
      "config.invalid",
      `${option} must be a text of 1 to ${String(longest)} characters.`,
    );
  }
  if (value.includes("\0") || /\p{Surrogate}/u.test(value)) {
    throw new WaybillError("config.invalid", `${option} must be well-formed text without NUL.`);
  }
}

/** The same for text that may be left out. */
export function checkText(option: string, value: unknown, longest = LONGEST_TEXT): void {
  if (value !== undefined) requireText(option, value, longest);
}

/** Whether a job can have this id. One that cannot is simply not there: routers pass on whatever stands in a path. */
export function isId(id: unknown): id is string {
  return typeof id === "string" && ID_PATTERN.test(id);
}

/** The id of a new job, as a caller gives it. */
export function checkId(id: unknown): asserts id is string {
  if (!isId(id)) throw new WaybillError("id.invalid", "The job id must be 1 to 128 letters, digits, _ or -.");
}
