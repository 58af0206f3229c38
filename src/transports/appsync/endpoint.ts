import type { Json } from "../../core/json/json.js";
import { retryAfterMs } from "../../core/wire/retry-after.js";
import { authorizer, type Authorize } from "./auth.js";
import { errorTypeOf, isAboutContent, RequestFailed, retry, statusFailure, type Failure } from "./failure.js";
import { checkEndpoint, type AppSyncAuth } from "./options.js";

/** What came of a request. */
export type Answer =
  | { readonly kind: "body"; readonly body: Json }
  /** The request failed as a whole; `aboutContent`: perhaps for what one of its events holds. */
  | { readonly kind: "failed"; readonly failure: Failure; readonly aboutContent: boolean };

/** Most bytes that are read of an answer: it repeats what was sent, and nothing of it is worth more. */
const MOST_ANSWER_BYTES = 2_000_000;

/** One HTTP endpoint of AppSync. */
export class Endpoint {
  readonly #url: URL;
  readonly #authorize: Authorize;

  /** @throws {WaybillError} `config.invalid` */
  constructor(what: string, endpoint: string, path: string, auth: AppSyncAuth) {
    this.#url = checkEndpoint(what, endpoint, path);
    this.#authorize = authorizer(what, auth, this.#url);
  }

  /** Sends a body. Never rejects: what goes wrong is an answer, with a reason that may be shown. */
  async post(body: string, signal: AbortSignal): Promise<Answer> {
    try {
      const headers = await orAborted(this.#authorize(body), signal);
      // A redirect is not followed: the key would follow it.
      const response = await fetch(this.#url, { method: "POST", headers, body, signal, redirect: "manual" });
      return answerOf(response, await bounded(response));
    } catch (error) {
      return failed(retry(reasonOf(error, signal)));
    }
  }
}

function answerOf(response: Response, text: string | null): Answer {
  const body = text === null ? undefined : parsed(text);
  if (response.status !== 200) {
    const { errors } = (body ?? {}) as { readonly errors?: unknown };
    const errorType = errorTypeOf(Array.isArray(errors) ? errors[0] : body);
    const afterMs = retryAfterMs(response.headers.get("retry-after"), Date.now());
    return failed(
      statusFailure(response.status, errorType, afterMs),
      isAboutContent(response.status, errorType),
    );
  }
  if (text === null) return failed(retry("the answer is longer than 2 MB"));
  return body === undefined ? failed(retry("the answer is no JSON")) : { kind: "body", body };
}

function failed(failure: Failure, aboutContent = false): Answer {
  return { kind: "failed", failure, aboutContent };
}

/** The text of an answer; `null`: it is too long. */
async function bounded(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the body, and with it the connection.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** `fetch` hears the signal by itself; what is asked of the application, or of the store, may not. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = abortOf(signal).then((): never => {
    throw new RequestFailed("aborted");
  });
  return Promise.race([promise, aborted]);
}

const aborts = new WeakMap<AbortSignal, Promise<void>>();

/** One listener for all that wait, as each event of a call may: Node warns of the eleventh. */
function abortOf(signal: AbortSignal): Promise<void> {
  let aborting = aborts.get(signal);
  if (aborting === undefined) {
    aborting = new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => {
        resolve();
      });
    });
    aborts.set(signal, aborting);
  }
  return aborting;
}

/** Of an error that is not ours only its code is told: its text may quote addresses, headers or keys. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  if (error instanceof RequestFailed) return error.message;
  const { code, cause } = (error ?? {}) as {
    readonly code?: unknown;
    readonly cause?: { readonly code?: unknown };
  };
  const known = [cause?.code, code].find(
    (each) => typeof each === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(each),
  );
  return `the connection failed${typeof known === "string" ? ` (${known})` : ""}`;
}
