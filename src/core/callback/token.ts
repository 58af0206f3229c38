import { hmac } from "@noble/hashes/hmac";
import { sha256 } from "@noble/hashes/sha2";
import { utf8ToBytes } from "@noble/hashes/utils";
import { toBase64 } from "../wire/base64.js";

/** What a token is about: one launch of one job. */
export interface Callback {
  readonly id: string;
  readonly kind: string;
  /** Of the claim under which the work was launched. */
  readonly fence: number;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/** Version, fence, expiry, id, kind and signature. Every part is made of letters that an address may hold as they are. */
const TOKEN =
  /^(v1\.(\d{1,15})\.(\d{1,15})\.([A-Za-z0-9_-]{1,128})\.([A-Za-z0-9_.-]{1,128}))\.([A-Za-z0-9_-]{43})$/;

/** Before what is signed: a secret that signs other things too signs none of these by accident. */
const PURPOSE = "waybill.callback:";

/** A token for this callback. */
export function signCallback({ id, kind, fence, expiresAt }: Callback, key: Uint8Array): string {
  const claims = `v1.${fence}.${expiresAt}.${id}.${kind}`;
  return `${claims}.${signatureOf(claims, key)}`;
}

/** What a token says, if one of the keys signed it and it has not expired; `null`: it is to be believed in nothing. */
export function readCallback(token: unknown, keys: readonly Uint8Array[], now: number): Callback | null {
  const match = typeof token === "string" ? TOKEN.exec(token) : null;
  if (match === null) return null;
  const [, claims = "", fence, expiresAt, id = "", kind = "", signature = ""] = match;
  let signed = false;
  // All keys, whichever fits: the time that it takes tells nothing.
  for (const key of keys) signed = sameText(signature, signatureOf(claims, key)) || signed;
  if (!signed || Number(expiresAt) <= now) return null;
  return { id, kind, fence: Number(fence), expiresAt: Number(expiresAt) };
}

/** HMAC-SHA256 as base64url. */
function signatureOf(claims: string, key: Uint8Array): string {
  const signature = hmac(sha256, key, utf8ToBytes(PURPOSE + claims));
  return toBase64(signature).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Two texts of one length; takes as long whether the first character differs or the last. */
function sameText(a: string, b: string): boolean {
  let difference = 0;
  for (let index = 0; index < a.length; index += 1) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}
