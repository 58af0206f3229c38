import { createHash } from "node:crypto";
import aws4, { type Request } from "aws4";

/** Who may use the double. */
export interface Keys {
  readonly apiKey: string;
  readonly iam: {
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** The claims of each token. */
  readonly tokens: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What authorises a request: its headers, or those that a frame repeats. */
export interface Presented {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export type Identity =
  | { readonly mode: "apiKey" | "iam"; readonly claims: null }
  | { readonly mode: "token"; readonly claims: Readonly<Record<string, unknown>> };

/** Who is asking; a text: the name of the error with which AppSync refuses. */
export function identify(keys: Keys, presented: Presented): Identity | string {
  const { headers } = presented;
  if (headers["x-api-key"] !== undefined) {
    return headers["x-api-key"] === keys.apiKey ? { mode: "apiKey", claims: null } : "UnauthorizedException";
  }
  const { authorization = "" } = headers;
  if (authorization.startsWith("AWS4-HMAC-SHA256")) {
    return verify(keys.iam, presented) ?? { mode: "iam", claims: null };
  }
  const claims = Object.hasOwn(keys.tokens, authorization) ? keys.tokens[authorization] : undefined;
  return claims === undefined ? "UnauthorizedException" : { mode: "token", claims };
}

/** Options of aws4 that its types leave out: which headers are signed whatever its own lists say. */
interface AlsoUnderstood {
  readonly extraHeadersToInclude: Readonly<Record<string, boolean>>;
  readonly extraHeadersToIgnore: Readonly<Record<string, boolean>>;
}

const SIGNATURE =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/appsync\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** Signs again what was signed, with aws4, which has no code of AWS in it. The error's name, or null. */
function verify({ region, ...keys }: Keys["iam"], { method, path, headers, body }: Presented): string | null {
  const [, accessKeyId, day = "", scope, names = "", signature] =
    SIGNATURE.exec(headers["authorization"] ?? "") ?? [];
  if (accessKeyId !== keys.accessKeyId || scope !== region) return "UnrecognizedClientException";
  if (headers["x-amz-security-token"] !== keys.sessionToken) return "UnrecognizedClientException";
  const signed = names.split(";");
  if (!signed.includes("host") || headers["x-amz-date"]?.startsWith(day) !== true)
    return "InvalidSignatureException";
  // aws4 believes this header where it is there, so that a body changed on the way would pass.
  const hash = headers["x-amz-content-sha256"];
  if (hash !== undefined && hash !== createHash("sha256").update(body).digest("hex"))
    return "InvalidSignatureException";
  const request: Request & AlsoUnderstood = {
    method,
    path,
    service: "appsync",
    region,
    body,
    headers: Object.fromEntries(signed.map((name) => [name, headers[name]])),
    extraHeadersToInclude: Object.fromEntries(signed.map((name) => [name, true])),
    extraHeadersToIgnore: Object.fromEntries(
      ["content-length", "content-type"].filter((name) => !signed.includes(name)).map((name) => [name, true]),
    ),
  };
  const again = aws4.sign(request, keys);
  return String(again.headers?.["Authorization"]).endsWith(`Signature=${signature}`)
    ? null
    : "InvalidSignatureException";
}
