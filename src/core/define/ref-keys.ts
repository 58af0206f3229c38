import type { Json } from "../json.js";

const MAX_KEYS = 100;
const MAX_KEY_CHARS = 256;

/**
 * What an outside event may know of external work: what the kind's own function says, else every string and number in
 * the reference. Never throws: at this point the outside work has begun, and a job that failed here would begin it again.
 */
export function refKeysOf(ref: Json, own: ((ref: unknown) => unknown) | null): readonly string[] {
  return bounded(ownKeys(ref, own) ?? leaves(ref));
}

function ownKeys(ref: Json, own: ((ref: unknown) => unknown) | null): readonly unknown[] | null {
  if (own === null) return null;
  try {
    const keys = own(ref);
    return Array.isArray(keys) ? keys : null;
  } catch {
    return null;
  }
}

/** In the order of the text; no deeper than JSON text may be. */
function leaves(ref: Json): readonly unknown[] {
  if (typeof ref !== "object" || ref === null) return [ref];
  return Object.values(ref).flatMap((part: Json | undefined) => (part === undefined ? [] : leaves(part)));
}

function bounded(found: readonly unknown[]): readonly string[] {
  const keys = new Set<string>();
  for (const leaf of found) {
    if (keys.size === MAX_KEYS) break;
    const key = typeof leaf === "number" ? String(leaf) : leaf;
    // One that is cut would be found by nothing, or by something else.
    if (typeof key === "string" && key !== "" && key.length <= MAX_KEY_CHARS) keys.add(key);
  }
  return [...keys];
}
