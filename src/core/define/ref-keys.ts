import { hearPromises } from "../errors/foreign.js";
import type { Json } from "../json/json.js";

const MAX_KEYS = 100;
const MAX_KEY_CHARS = 256;

/**
 * What an outside event may know of external work: what the kind declares, and nothing that is guessed. A part of a
 * reference, such as a region or a count, is that of many jobs. Never throws: at this point the outside work has begun, and
 * a job that failed here would begin it again.
 */
export function refKeysOf(ref: Json, declared: ((ref: unknown) => unknown) | null): readonly string[] {
  if (declared === null) return [];
  try {
    const keys = declared(ref);
    hearPromises(keys);
    return Array.isArray(keys) ? bounded(keys) : [];
  } catch {
    return [];
  }
}

function bounded(found: readonly unknown[]): readonly string[] {
  const keys = new Set<string>();
  for (const leaf of found) {
    if (keys.size === MAX_KEYS) break;
    const key = typeof leaf === "number" ? String(leaf) : leaf;
    // One that is cut would be found by nothing, or by something else.
    if (typeof key === "string" && isRefKey(key)) keys.add(key);
  }
  return [...keys];
}

/** Whether a text can be a declared key: bounded, and as every store can hold it. */
export function isRefKey(text: string): boolean {
  return text !== "" && text.length <= MAX_KEY_CHARS && !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}
