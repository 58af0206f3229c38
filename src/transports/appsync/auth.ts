import { RequestFailed } from "./failure.js";
import { invalid, type AppSyncAuth, type AppSyncCredentials, type AppSyncSecret } from "./options.js";
import { Signer } from "./signature.js";

/** The headers with which a body is sent to the endpoint. */
export type Authorize = (body: string) => Promise<Readonly<Record<string, string>>>;

const JSON_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/json" };

/** Header of each mode whose secret travels as it is. */
const HEADERS = {
  apiKey: "x-api-key",
  userPool: "authorization",
  oidc: "authorization",
  lambda: "authorization",
} as const;

const MODES = [...Object.keys(HEADERS), "iam"];

/** What a header can carry. `fetch` refuses the rest with an error that quotes it. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

const ENDPOINT_REGION = /\.appsync-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/** Checks `auth`, and makes of it what authorises requests. Secrets and credentials are asked for anew each time. */
export function authorizer(what: string, auth: AppSyncAuth, url: URL): Authorize {
  const mode: string | undefined = (auth as AppSyncAuth | undefined)?.mode;
  if (mode === undefined || !MODES.includes(mode)) {
    throw invalid(`auth.mode of ${what} must be ${MODES.join(", ")}.`);
  }
  if (auth.mode === "iam") return signing(what, auth, url);
  const option = auth.mode === "apiKey" ? "apiKey" : "token";
  const secret = auth.mode === "apiKey" ? auth.apiKey : auth.token;
  return carrying(HEADERS[auth.mode], checkSecret(`auth.${option} of ${what}`, secret));
}

function carrying(header: string, secret: AppSyncSecret): Authorize {
  return async () => ({ ...JSON_HEADERS, [header]: await current(secret) });
}

async function current(secret: AppSyncSecret): Promise<string> {
  const value = typeof secret === "string" ? secret : await asked("token", secret);
  if (isHeaderValue(value)) return value;
  throw new RequestFailed("the key or token is empty, or no text that a header can carry");
}

function signing(what: string, auth: AppSyncAuth & { readonly mode: "iam" }, url: URL): Authorize {
  const { credentials } = auth;
  if (typeof credentials !== "function" && !areKeys(credentials)) {
    throw invalid(
      `auth.credentials of ${what} must be accessKeyId and secretAccessKey, or a function that has them.`,
    );
  }
  const region = auth.region ?? ENDPOINT_REGION.exec(url.hostname)?.[1];
  if (region === undefined) {
    throw invalid(
      `auth.region of ${what} is missing: the endpoint is no address of AWS that names its region.`,
    );
  }
  if (!/^[a-z0-9-]{1,40}$/.test(region))
    throw invalid(`auth.region of ${what} must be a region such as eu-west-1.`);
  const signer = new Signer(
    region,
    typeof credentials === "function" ? () => provided(credentials) : credentials,
  );
  return (body) => signer.sign({ url, headers: JSON_HEADERS, body });
}

/** Keys that are none would end in an error of the signer, or of `fetch`, which quotes what no header can carry. */
async function provided(provider: () => Promise<AppSyncCredentials>): Promise<AppSyncCredentials> {
  const keys = await asked("credentials", provider);
  if (areKeys(keys)) return keys;
  throw new RequestFailed("the function that has the credentials gave no usable keys");
}

/** Asks a function of the application; of what it throws only the kind is told. */
async function asked<T>(what: string, ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch {
    throw new RequestFailed(`the function that has the ${what} threw`);
  }
}

function checkSecret(what: string, secret: AppSyncSecret): AppSyncSecret {
  if (typeof secret === "function" || isHeaderValue(secret)) return secret;
  throw invalid(`${what} must be a text that a header can carry, or a function that has it.`);
}

function isHeaderValue(value: unknown): value is string {
  return typeof value === "string" && HEADER_VALUE.test(value);
}

function areKeys(value: unknown): boolean {
  const keys = value as Readonly<Partial<Record<keyof AppSyncCredentials, unknown>>> | null | undefined;
  const { accessKeyId, secretAccessKey, sessionToken } = keys ?? {};
  return (
    isHeaderValue(accessKeyId) &&
    typeof secretAccessKey === "string" &&
    secretAccessKey !== "" &&
    // Some providers have an empty one for keys without a session.
    (sessionToken === undefined ||
      sessionToken === null ||
      sessionToken === "" ||
      isHeaderValue(sessionToken))
  );
}
