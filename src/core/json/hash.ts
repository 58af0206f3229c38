import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils";
import { WaybillError } from "../errors/errors.js";
import { canonicalJson, parseJsonText } from "./json-text.js";

/** SHA-256, 64 hexadecimal digits. Synchronous, and the same in browsers. */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/**
 * The scope of an idempotency key: owner, kind and key, hashed. No two triples share a text: each part says its own
 * length, no owner is not the empty owner, and half characters (which UTF-8 cannot tell apart) are escaped.
 */
export function scopeHash(owner: string | null, kind: string, key: string): string {
  return sha256Hex([owner, kind, key].map(sized).join(""));
}

function sized(part: string | null): string {
  if (part === null) return "-;";
  const text = JSON.stringify(part);
  return `${text.length}:${text};`;
}

/** The hash of an input, given as JSON text: of its canonical form, so that the order of keys does not count. */
export function inputHash(text: string): string {
  return sha256Hex(canonicalJson(parseJsonText(text)));
}

/** Characters that sharded stores (DynamoDB, Redis Cluster) take the shard of a job from. */
const SHARD_CHARS = 2;

/**
 * An id with its last two characters taken from its scope, so that a sharded store finds scope and job on one shard. They
 * are hexadecimal: a UUID stays one.
 *
 * @param scope - from `scopeHash`
 */
export function idUnderScope(id: string, scope: string): string {
  // Shorter, and little or nothing of the id would be left to tell two jobs apart.
  if (id.length <= 4 * SHARD_CHARS)
    throw new WaybillError("id.invalid", "A made id is too short to be kept under a key.");
  return id.slice(0, -SHARD_CHARS) + scope.slice(0, SHARD_CHARS);
}
