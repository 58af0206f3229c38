import { createHash, createHmac } from "node:crypto";
import type * as Smithy from "@smithy/signature-v4";
import { RequestFailed } from "./failure.js";
import type { AppSyncCredentials } from "./options.js";

/** What of a request is signed. */
export interface SignedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Keys, or where today's are had. */
export type Keys = AppSyncCredentials | (() => Promise<AppSyncCredentials>);

/** Signs requests to AppSync (AWS Signature Version 4) with `@smithy/signature-v4`. */
export class Signer {
  readonly #region: string;
  readonly #keys: Keys;

  constructor(region: string, keys: Keys) {
    this.#region = region;
    this.#keys = keys;
  }

  /** All headers of the request, signature included. Every one of them is signed, and so is the body. */
  async sign(
    { url, headers, body }: SignedRequest,
    now = new Date(),
  ): Promise<Readonly<Record<string, string>>> {
    const { SignatureV4 } = await loadSigner();
    const signer = new SignatureV4({
      service: "appsync",
      region: this.#region,
      credentials: await this.#credentials(),
      sha256: Sha256,
      // The body's hash is part of what is signed in any case; a header that repeats it adds nothing.
      applyChecksum: false,
    });
    const signed = await signer.sign(
      {
        method: "POST",
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        headers: { ...headers, host: url.host },
        body,
      },
      { signingDate: now },
    );
    // fetch writes it itself, from the same URL.
    const { host: _host, ...sent } = signed.headers;
    return sent;
  }

  async #credentials(): Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }> {
    const { accessKeyId, secretAccessKey, sessionToken } =
      typeof this.#keys === "function" ? await this.#keys() : this.#keys;
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  }
}

async function loadSigner(): Promise<typeof Smithy> {
  try {
    // Loaded when something is signed: who has an API key does not need the package.
    return await import("@smithy/signature-v4");
  } catch {
    throw new RequestFailed("the package @smithy/signature-v4, which signs for IAM, could not be loaded");
  }
}

/** What node:crypto has of both. */
interface Digester {
  update(chunk: Uint8Array): unknown;
  digest(): Uint8Array;
}

/** SHA-256 and its HMAC, in the shape in which the signer wants them. */
class Sha256 {
  #hash: Digester;
  readonly #secret: string | ArrayBuffer | ArrayBufferView | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret;
    this.#hash = begin(secret);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = begin(this.#secret);
  }
}

function begin(secret: string | ArrayBuffer | ArrayBufferView | undefined): Digester {
  if (secret === undefined) return createHash("sha256");
  if (typeof secret === "string") return createHmac("sha256", secret);
  const bytes = ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret);
  return createHmac("sha256", bytes);
}
