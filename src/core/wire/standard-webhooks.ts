// What sender and receiver of Standard Webhooks 1.0.0 both know:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { fromBase64 } from "./base64.js";

export const WEBHOOK_ID = "webhook-id";
/** Of this delivery, in whole seconds. */
export const WEBHOOK_TIMESTAMP = "webhook-timestamp";
export const WEBHOOK_SIGNATURE = "webhook-signature";

const SECRET_PREFIX = "whsec_";
/** By the standard, of random bytes. */
const KEY_BYTES = { least: 24, most: 64 };
/** What a secret must be; continues a sentence. */
export const SECRET_RULE = `must be ${SECRET_PREFIX} and ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes in base64`;

/** The key of a secret; `null`: it is no secret. */
export function webhookKey(secret: unknown): Uint8Array<ArrayBuffer> | null {
  if (typeof secret !== "string" || !secret.startsWith(SECRET_PREFIX)) return null;
  const key = fromBase64(secret.slice(SECRET_PREFIX.length));
  if (key === null || key.length < KEY_BYTES.least || key.length > KEY_BYTES.most) return null;
  return key;
}

/** What is signed: id, timestamp and the body's own bytes. */
export function signedBytes(id: string, timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}
