import { utf8ToBytes } from "@noble/hashes/utils";
import { WaybillError } from "../errors/errors.js";
import { checkOptions } from "../options/options.js";
import { type Callback, readCallback, signCallback } from "./token.js";

/** Tokens by which whoever does external work tells of it. */
export interface CallbackOptions {
  /** Of at least 32 bytes each. The first signs, all are accepted: put the new one first, and drop the old one once its tokens have expired. */
  readonly secrets: readonly [string, ...string[]];
  /** How long a token holds. @default as long as the external work may stay open, and an hour for its launch */
  readonly ttlMs?: number | undefined;
}

/** Signs and reads tokens. The secrets are in nothing that it gives. */
export interface Callbacks {
  readonly ttlMs: number | null;
  sign(callback: Callback): string;
  /** `null`: not signed here, or expired. */
  read(token: unknown, now: number): Callback | null;
}

const LEAST_SECRET_BYTES = 32;

/** @throws {WaybillError} `config.invalid`: a secret is missing or short, or `ttlMs` is no duration */
export function createCallbacks(options: CallbackOptions | undefined): Callbacks | null {
  if (options === undefined) return null;
  checkOptions("callbacks", options, ["secrets", "ttlMs"]);
  const { secrets, ttlMs } = options;
  const given: unknown = secrets;
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid("callbacks.secrets must be a list of at least one secret.");
  }
  const keys = given.map((secret: unknown, index) => keyOf(secret, index));
  if (ttlMs !== undefined && (!Number.isSafeInteger(ttlMs) || ttlMs <= 0)) {
    throw invalid("callbacks.ttlMs must be a whole number of milliseconds above 0.");
  }
  const [signing] = keys as [Uint8Array];
  return {
    ttlMs: ttlMs ?? null,
    sign: (callback) => signCallback(callback, signing),
    read: (token, now) => readCallback(token, keys, now),
  };
}

function keyOf(secret: unknown, index: number): Uint8Array {
  const key = typeof secret === "string" ? utf8ToBytes(secret) : null;
  if (key !== null && key.length >= LEAST_SECRET_BYTES) return key;
  throw invalid(
    `callbacks.secrets[${index}] must be a text of at least ${LEAST_SECRET_BYTES} bytes, made by chance.`,
  );
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}
