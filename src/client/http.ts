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
  /** Repeats until there is an answer that counts: for calls whose repetition has no second effect. */
  ask(call: Call): Promise<unknown>;
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

  const once = async ({ path, headers, body, signal }: Call): Promise<Response> => {
    const credential = await token();
    return (options.fetch ?? fetch)(options.baseUrl + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...(credential !== undefined && { authorization: `Bearer ${credential}` }), ...headers },
      body: body ?? null,
      signal: signal ?? null,
    });
  };
  const attempt = async (call: Call): Promise<Response> => {
    const answer = await once(call);
    return answer.status === 401 && accessToken !== undefined ? once(call) : answer;
  };

  return {
    token,
    fetch: attempt,
    async ask(call) {
      for (let tries = 1; ; tries += 1) {
        const timeout = new AbortController();
        const cancel = clock.timer(TRY_TIMEOUT_MS, () => {
          timeout.abort();
        });
        let pause = backoffMs(tries, random());
        try {
          const answer = await attempt({ ...call, signal: timeout.signal });
          if (answer.ok) return await answer.json();
          pause = retryAfterMs(answer, pause);
          throw await errorOf(answer, call);
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

/** The pause that an answer asks for; `otherwise` where it asks for none. */
export function retryAfterMs(answer: Response, otherwise: number): number {
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  return seconds >= 0 ? Math.min(seconds * 1000, LONGEST_PAUSE_MS) : otherwise;
}

interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly InputIssue[];
}

/** What an answer other than 2xx means. */
export async function errorOf(answer: Response, call?: Call): Promise<ClientError> {
  const { status } = answer;
  const { code, title, detail, errors = [] } = (await answer.json().catch(() => ({}))) as Problem;
  const sentence = detail ?? title ?? `The server answered ${status}.`;
  // Where the server decided no, its answer has one of the codes that callers are meant to handle.
  if (code !== undefined && [404, 409, 413, 422].includes(status)) {
    return new ClientError(code as RefusalCode, sentence, { status, issues: errors });
  }
  if (status === 401 || status === 403) return new ClientError("access.denied", sentence, { status });
  // 429 and 5xx are about this moment; every other answer will be the same again.
  return new ClientError("server.error", sentence, { status, ...(status > 428 && doubt(call)) });
}
