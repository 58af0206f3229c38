import { backoffMs } from "./live/backoff.js";
import { ClientError, type InputIssue, type RefusalCode } from "./client-error.js";
import type { Environment } from "./environment.js";

/** A call to the server. */
export interface Call {
  /** After `baseUrl`, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. Where there is one, it is a POST. */
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What the client knows of how to ask. */
export interface Http {
  /** One try, with the credential; where that is refused, another one with a fresh credential. */
  fetch(call: Call): Promise<Response>;
  /**
   * Repeats until there is an answer that counts: for calls whose repetition has no second effect. What `read` throws over
   * makes it one that does not.
   */
  ask<T>(call: Call, read: (body: never) => T): Promise<T>;
  /** The credential as it is now, if one is needed. */
  token(): Promise<string | undefined>;
}

export interface HttpOptions {
  readonly baseUrl: string;
  readonly accessToken?: string | (() => string | Promise<string>) | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** With full jitter up to 0.5, 1, 2, 4 s between them: a restart of a server is outlived, and a person still waits for it. */
const MOST_TRIES = 5;
const TRY_TIMEOUT_MS = 15_000;
/** A longer pause, if a server asks for it, is one that a person would not sit out. */
const LONGEST_PAUSE_MS = 30_000;

export function createHttp(options: HttpOptions, { clock, random }: Environment): Http {
  const { accessToken } = options;
  const token = async (): Promise<string | undefined> =>
    typeof accessToken === "function" ? accessToken() : accessToken;

  const attempt = async (call: Call, mayAgain = accessToken !== undefined): Promise<Response> => {
    const { path, headers, body, signal } = call;
    const credential = await token();
    const answer = await (options.fetch ?? fetch)(options.baseUrl + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...(credential !== undefined && { authorization: `Bearer ${credential}` }), ...headers },
      body,
      signal,
    } as RequestInit);
    return mayAgain && answer.status === 401 ? attempt(call, false) : answer;
  };

  return {
    token,
    fetch: attempt,
    async ask<T>(call: Call, read: (body: never) => T) {
      for (let tries = 1; ; tries += 1) {
        const timeout = new AbortController();
        const cancel = clock.timer(TRY_TIMEOUT_MS, () => {
          timeout.abort();
        });
        let pause = backoffMs(tries, random());
        try {
          const answer = await attempt({ ...call, signal: timeout.signal });
          if (answer.ok) return read((await answer.json()) as never);
          pause = retryAfterMs(answer, pause);
          throw await errorOf(answer, call, tries);
        } catch (cause) {
          // Also an answer that broke off: what was asked for may have been done.
          const error =
            cause instanceof ClientError
              ? cause
              : new ClientError("server.unreachable", "The server did not answer.", doubt(call), { cause });
          if (!error.retryable || tries === MOST_TRIES) throw error;
        } finally {
          cancel();
        }
        await new Promise<void>((resolve) => clock.timer(pause, resolve));
      }
    },
  };
}

/** What a call may have done whose answer is none. */
function doubt(call: Call | undefined) {
  return { retryable: true, outcome: call?.body === undefined ? "not_applied" : "unknown" } as const;
}

/** The pause that an answer asks for; `otherwise` where it asks for none, or for an instant. */
export function retryAfterMs(answer: Response, otherwise: number): number {
  const seconds = parseFloat(answer.headers.get("retry-after") as string);
  return Math.min(seconds > 0 ? seconds * 1000 : otherwise, LONGEST_PAUSE_MS);
}

interface Problem {
  readonly code?: unknown;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly InputIssue[];
}

/** Whether a code says that the server decided no: those name what it is about. Somebody between has codes of their own. */
export function isRefusal(code: unknown): boolean {
  return /^(?:input|job|id\w*)\./.test(String(code));
}

/** What an answer other than 2xx means. @param tries - with this one */
export async function errorOf(answer: Response, call?: Call, tries = 1): Promise<ClientError> {
  const { status } = answer;
  const problem = (await answer.json().catch(() => undefined)) as Problem | null | undefined;
  const { code, title, detail, errors = [] } = problem ?? {};
  const sentence = detail ?? title ?? `The server answered ${status}.`;
  if (isRefusal(code)) return new ClientError(code as RefusalCode, sentence, { status, issues: errors });
  const fault = status === 401 || status === 403 ? "access.denied" : "server.error";
  // 429 and 5xx are about this moment; every other answer will be the same again.
  const retryable = status > 428;
  // What this try did not do, one before it may have done.
  const doubts = (retryable || tries > 1) && doubt(call);
  return new ClientError(fault, sentence, { status, ...doubts, retryable });
}
