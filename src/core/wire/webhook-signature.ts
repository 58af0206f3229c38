import { hmac } from "@noble/hashes/hmac";
import { sha256 } from "@noble/hashes/sha2";
import { toBase64 } from "./base64.js";
import { signedBytes, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP } from "./standard-webhooks.js";

export interface WebhookToSign {
  /** The same at every repetition. Without a `.`, which parts what is signed. */
  readonly id: string;
  /** Of this delivery. */
  readonly atMs: number;
  readonly body: Uint8Array;
  /** One signature each, so that a receiver may change its secret at a time of its own. */
  readonly keys: readonly Uint8Array[];
}

/** The headers that sign a webhook. */
export function webhookHeaders({ id, atMs, body, keys }: WebhookToSign): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(atMs / 1000));
  const content = signedBytes(id, timestamp, body);
  const signatures = keys.map((key) => `v1,${toBase64(hmac(sha256, key, content))}`);
  return { [WEBHOOK_ID]: id, [WEBHOOK_TIMESTAMP]: timestamp, [WEBHOOK_SIGNATURE]: signatures.join(" ") };
}
