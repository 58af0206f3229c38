import type { Awaiting } from "../../../core/job/record.js";
import { encodeText } from "./text.js";

/** The keys by which awaited work is found; `null`: none. */
export function refKeysOf(awaiting: Awaiting | null): readonly string[] | null {
  if (awaiting === null || awaiting.refKeys.length === 0) return null;
  return awaiting.refKeys.map(encodeText);
}
