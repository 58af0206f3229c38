import { checkOptions } from "../../core/options/options.js";
import { WaybillError } from "../../core/errors/errors.js";
import { fromBase64 } from "../../core/wire/base64.js";
import {
  SECRET_RULE,
  signedBytes,
  WEBHOOK_ID,
  WEBHOOK_SIGNATURE,
  WEBHOOK_TIMESTAMP,
  webhookKey,
} from "../../core/wire/standard-webhooks.js";
import { readWebhookBody, type WebhookData } from "../../core/wire/webhook-body.js";

const TOLERANCE_MS = 300_000;

/** Why a webhook was not accepted. Answer it with 400, and say no more to whoever sent it. */
export type WebhookVerificationCode =
  "missing_header" | "timestamp_too_old" | "timestamp_too_new" | "no_match" | "body_was_parsed";

const SENTENCES: Readonly<Record<WebhookVerificationCode, string>> = {
  missing_header: "webhook-id, webhook-timestamp or webhook-signature is missing, or not of its form.",
  timestamp_too_old: "The webhook was signed too long ago: it may be a copy, or a clock is wrong.",
  timestamp_too_new: "The webhook was signed in the future: a clock is wrong.",
  no_match: "No signature of the webhook is by one of the secrets.",
  body_was_parsed:
    "The body is not the text that was signed: pass the raw body, before any middleware parses or reads it.",
};

/** A webhook that is not to be believed. */
export class WebhookVerificationError extends Error {
  readonly code: WebhookVerificationCode;

  constructor(code: WebhookVerificationCode) {
    super(SENTENCES[code]);
    this.name = "WebhookVerificationError";
    this.code = code;
  }

  /** With the text, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}

/** A webhook as a server got it: its headers, and its body as it was on the wire. */
export interface RawWebhook {
  readonly body: string | Uint8Array | ArrayBuffer;
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a webhook is verified by. */
export interface VerifyWebhookOptions {
  /** `whsec_…`; during a change the old one and the new one. */
  readonly secrets: readonly [string, ...string[]];
  /** How far the clocks of sender and receiver may be apart, and how old a copy may be. @default 300_000 // 5 min */
  readonly toleranceMs?: number | undefined;
}

/** A webhook that was verified. */
export interface WebhookEvent {
  /** `jobId:version`. A webhook may come twice, with one id: remember it, or apply by version. */
  readonly id: string;
  /** `job.completed` … */
  readonly type: string;
  /** When it happened. */
  readonly timestamp: Date;
  /**
   * The event, with `job` beside it where the sender sends views. Where the sender makes bodies of its own, it is what the sender
   * made: look before you use it.
   */
  readonly data: WebhookData;
}

/**
 * Verifies a webhook of Standard Webhooks 1.0.0 (`v1`, HMAC-SHA256) and reads it, in either envelope. Works where WebCrypto is:
 * Node, edge runtimes, browsers. Given a `Request` it reads the body itself. All secrets are compared in constant time.
 *
 * @throws {WebhookVerificationError} when it is not to be believed
 * @throws {TypeError} when it was signed by a secret and is no webhook of Waybill
 * @throws {WaybillError} `config.invalid`: the secrets or the tolerance are not usable
 */
export async function verifyWebhook(
  webhook: Request | RawWebhook,
  options: VerifyWebhookOptions,
): Promise<WebhookEvent> {
  const { keys, toleranceMs } = checked(options);
  const id = header(webhook.headers, WEBHOOK_ID);
  const timestamp = header(webhook.headers, WEBHOOK_TIMESTAMP);
  const signatures = header(webhook.headers, WEBHOOK_SIGNATURE);
  if (id === "" || signatures === "" || !/^\d{1,15}$/.test(timestamp)) refuse("missing_header");
  const ageMs = Date.now() - Number(timestamp) * 1000;
  if (ageMs > toleranceMs) refuse("timestamp_too_old");
  if (ageMs < -toleranceMs) refuse("timestamp_too_new");
  const body = await rawBody(webhook);
  if (!(await isSigned(signedBytes(id, timestamp, body), signatures, keys))) refuse("no_match");
  const content = readWebhookBody(new TextDecoder().decode(body));
  if (content === null)
    throw new TypeError("The webhook is signed by one of the secrets, and is no event of Waybill.");
  return { id, ...content, data: content.data as WebhookData };
}

function refuse(code: WebhookVerificationCode): never {
  throw new WebhookVerificationError(code);
}

function checked(options: VerifyWebhookOptions): {
  keys: readonly Uint8Array<ArrayBuffer>[];
  toleranceMs: number;
} {
  checkOptions("verifyWebhook", options, ["secrets", "toleranceMs"]);
  const { secrets, toleranceMs = TOLERANCE_MS } = options;
  const given: unknown = secrets;
  if (!Array.isArray(given) || given.length === 0) {
    throw new WaybillError("config.invalid", "secrets must be a list of at least one secret.");
  }
  if (!Number.isFinite(toleranceMs) || toleranceMs < 0) {
    throw new WaybillError("config.invalid", "toleranceMs must be a number of milliseconds, at least 0.");
  }
  const keys = secrets.map((secret, index) => {
    const key = webhookKey(secret);
    if (key === null) throw new WaybillError("config.invalid", `secrets[${index}] ${SECRET_RULE}.`);
    return key;
  });
  return { keys, toleranceMs };
}

/** A header whatever its case; "": there is none. Servers give a repeated one as a list. */
function header(given: RawWebhook["headers"], name: string): string {
  // Not everybody who has headers has types: gateways write null for what was not there.
  const headers: unknown = given;
  if (typeof headers !== "object" || headers === null) return "";
  // By its method: libraries bring classes of their own.
  if (isHeaders(headers)) return headers.get(name) ?? "";
  for (const [key, value] of Object.entries(headers as Readonly<Record<string, unknown>>)) {
    if (key.toLowerCase() !== name) continue;
    if (typeof value === "string") return value;
    if (Array.isArray(value)) return value.join(" ");
  }
  return "";
}

function isHeaders(headers: object): headers is Headers {
  return typeof (headers as Partial<Headers>).get === "function";
}

async function rawBody(webhook: Request | RawWebhook): Promise<Uint8Array> {
  if ("arrayBuffer" in webhook) {
    if (webhook.bodyUsed || webhook.body?.locked === true) refuse("body_was_parsed");
    return new Uint8Array(await webhook.arrayBuffer());
  }
  const { body }: { readonly body: unknown } = webhook;
  if (typeof body === "string") return new TextEncoder().encode(body);
  // Of another realm it is no instance of this one's class.
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (Object.prototype.toString.call(body) === "[object ArrayBuffer]")
    return new Uint8Array(body as ArrayBuffer);
  return refuse("body_was_parsed");
}

async function isSigned(
  content: Uint8Array<ArrayBuffer>,
  signatures: string,
  keys: readonly Uint8Array<ArrayBuffer>[],
): Promise<boolean> {
  const given = signatures.split(" ").flatMap((signature) => {
    const [version, text = ""] = signature.split(",");
    return version === "v1" ? (fromBase64(text) ?? []) : [];
  });
  let found = false;
  for (const key of keys) {
    const expected = await hmac(key, content);
    for (const signature of given) found = sameBytes(signature, expected) || found;
  }
  return found;
}

async function hmac(key: Uint8Array<ArrayBuffer>, content: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await subtle.sign(algorithm.name, imported, content));
}

/** Takes as long whether the first byte differs or the last. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0);
  return difference === 0;
}
