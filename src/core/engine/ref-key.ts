import { inputHash } from "../json/hash.js";
import type { Json } from "../json/json.js";
import type { Definition } from "../definition.js";

/** What finds a job by its external work: the keys that its kind declares, and the whole of its reference. */
export function storedRefKeys(definition: Definition, ref: Json): readonly string[] {
  return [...definition.refKeysOf(ref), wholeRefKey(ref)];
}

/** The key of a whole reference, in whatever order its fields are given. */
export function wholeRefKey(ref: Json): string {
  return `ref ${inputHash(JSON.stringify(ref))}`;
}
