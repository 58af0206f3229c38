import type { ErrorCode } from "../core/errors/error-codes.js";
import { isWaybillError, type Issue, type WaybillError } from "../core/errors/errors.js";

/** A problem as RFC 9457 writes it, `application/problem+json`. No text of an error is in it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** For programs; never changes. */
  readonly code: string;
  readonly detail: string;
  /** `input.invalid`: what is wrong, each with a pointer into the input. */
  readonly errors?: readonly { readonly detail: string; readonly pointer: string }[];
}

type PointedIssue = NonNullable<Problem["errors"]>[number];

/** What somebody outside is told of an error. */
export interface Answer {
  readonly status: number;
  /** Instead of the error's own code, which would say how the service is built. */
  readonly code?: string;
  readonly title: string;
  readonly detail: string;
  /** When to try again, where the error itself does not say. */
  readonly retryAfterS?: number;
}

const RETRY_AFTER_S = 5;

const NOT_FOUND: Answer = {
  status: 404,
  code: "job.not_found",
  title: "There is no such job",
  detail: "Check the address; finished jobs are removed after their retention.",
};
/** What is out of reach. `system_error`: the caller has done nothing wrong, and may repeat the request. */
const AWAY: Answer = {
  status: 503,
  code: "system_error",
  title: "The service is not available",
  detail: "Repeat the request later, with the same Idempotency-Key where it starts something.",
  retryAfterS: RETRY_AFTER_S,
};
/** A fault of the service. Which one stands in its log, and is nobody's business outside. */
const INTERNAL: Answer = {
  status: 500,
  code: "internal_error",
  title: "Something went wrong",
  detail: "The service could not answer; its operators can find out why.",
};

/** Every error code as HTTP says it. */
export const ANSWERS = {
  "input.invalid": {
    status: 422,
    title: "The input is invalid",
    detail: "Correct what errors names; nothing was started.",
  },
  "input.too_large": {
    status: 413,
    title: "The input is too large",
    detail: "Store the payload elsewhere and send a reference to it; nothing was started.",
  },
  "idempotency.conflict": {
    status: 422,
    title: "The Idempotency-Key was used before with another input",
    detail: "Use a new key for a new piece of work; nothing was started.",
  },
  "id.taken": {
    status: 409,
    title: "The id is taken",
    detail: "Read the job that has it, or choose another id; nothing was started.",
  },
  "id.invalid": NOT_FOUND,
  "job.not_found": NOT_FOUND,
  "job.already_final": {
    status: 409,
    title: "The job has ended",
    detail: "A final status never changes; run a failed job again as a new one.",
  },
  "job.cannot_cancel": {
    status: 409,
    title: "The job cannot be cancelled now",
    detail: "Work outside is open that cannot be called back.",
  },
  "job.not_failed": {
    status: 409,
    title: "The job has not failed",
    detail: "Only a failed job is run again: wait for it, or submit a new one.",
  },
  "job.claimed": {
    status: 409,
    title: "Somebody else is working on the job",
    detail: "Try again later.",
    retryAfterS: RETRY_AFTER_S,
  },
  "job.not_due": {
    status: 409,
    title: "The job waits for its time",
    detail: "Try again later.",
    retryAfterS: RETRY_AFTER_S,
  },
  "job.not_awaiting": {
    status: 409,
    title: "The job does not wait for this yet",
    detail: "Send the event again later.",
    retryAfterS: RETRY_AFTER_S,
  },
  "ref.ambiguous": {
    status: 409,
    title: "The reference names several jobs",
    detail: "Send a reference that names one; nothing was changed.",
  },
  "callback.invalid": {
    status: 401,
    title: "The token is not valid",
    detail: "It was not made here, or it has expired; nothing was changed.",
  },
  "store.unavailable": AWAY,
  "store.conflict": AWAY,
  "queue.unavailable": AWAY,
  "feed.unavailable": AWAY,
  "waybill.closed": AWAY,
  "claim.lost": INTERNAL,
  "notifier.unknown": INTERNAL,
  "config.invalid": INTERNAL,
  "config.kind_unknown": INTERNAL,
  "config.capability_missing": INTERNAL,
  "store.not_migrated": INTERNAL,
  "store.corrupt": INTERNAL,
  "store.unstorable": INTERNAL,
  "idempotency.pending": AWAY,
  "result.timeout": INTERNAL,
  "result.job_failed": INTERNAL,
} as const satisfies Record<ErrorCode, Answer>;

/** What is wrong with a request before any job is looked at. */
export const REQUEST_ANSWERS = {
  "request.malformed": {
    status: 400,
    title: "The request cannot be read",
    detail: "Check the body, the query and the headers against the description of this address.",
  },
  "request.unauthenticated": {
    status: 401,
    title: "Nobody is signed in",
    detail: "Send a credential that is valid now.",
  },
  "request.method_not_allowed": {
    status: 405,
    title: "This address does not take this method",
    detail: "The header Allow says which ones it takes.",
  },
  "request.not_acceptable": {
    status: 406,
    title: "This address has no such form",
    detail: "Ask for application/json.",
  },
  "request.unsupported_media_type": {
    status: 415,
    title: "The body is of an unknown kind",
    detail: "Send application/json.",
  },
  "request.too_many_waits": {
    status: 429,
    title: "Too many requests of yours are waiting",
    detail: "End some of them, or ask without waiting.",
    retryAfterS: RETRY_AFTER_S,
  },
} as const satisfies Record<string, Answer>;

export type RequestCode = keyof typeof REQUEST_ANSWERS;

/** A request that is refused by itself. */
export class RequestRefused extends Error {
  readonly code: RequestCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RequestCode, headers: Readonly<Record<string, string>> = {}) {
    super(code);
    this.code = code;
    this.headers = headers;
  }
}

/**
 * What an error means over HTTP, for routes of one's own: the problem, and the headers that belong to it. A `WaybillError`
 * by its code, everything else 500. Out of reach is 503 with `code: "system_error"` and `Retry-After`.
 */
export function problemOf(error: unknown): {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
} {
  if (error instanceof RequestRefused) {
    return answered(REQUEST_ANSWERS[error.code], error.code, { headers: error.headers });
  }
  // A newer copy of the package may know more codes.
  if (!isWaybillError(error) || !Object.hasOwn(ANSWERS, error.code))
    return answered(INTERNAL, "internal_error");
  return answered(ANSWERS[error.code], error.code, {
    afterMs: afterMsOf(error),
    ...(isWaybillError(error, "input.invalid") ? { issues: error.issues } : {}),
  });
}

/** The problem as a response. */
export function problemResponse(error: unknown): Response {
  const { problem, headers } = problemOf(error);
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

interface Told {
  readonly headers?: Readonly<Record<string, string>>;
  readonly afterMs?: number | null;
  readonly issues?: readonly (Issue | PointedIssue)[];
}

function answered(answer: Answer, ownCode: string, { headers = {}, afterMs, issues }: Told = {}) {
  const { status, code = ownCode, title, detail, retryAfterS } = answer;
  const afterS = retryAfterS === undefined ? null : (secondsOf(afterMs) ?? retryAfterS);
  return {
    problem: {
      type: `urn:waybill:problem:${code}`,
      title,
      status,
      code,
      detail,
      ...(issues === undefined ? {} : { errors: issues.map(errorOf) }),
    },
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(afterS === null ? {} : { "retry-after": String(afterS) }),
      // RFC 9110 asks for it with every 401; how people sign in is the application's.
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...headers,
    },
  };
}

/** What the refusal of a claim says of when to come back. */
function afterMsOf(error: WaybillError): number | null {
  const { retryAfterMs } = error as { retryAfterMs?: unknown };
  return typeof retryAfterMs === "number" ? retryAfterMs : null;
}

function secondsOf(afterMs: number | null | undefined): number | null {
  return afterMs === null || afterMs === undefined ? null : Math.max(1, Math.ceil(afterMs / 1_000));
}

/** A JSON pointer as a URI fragment (RFC 6901 §6). The error of a client, which passes another server's answer on, has it already. */
function errorOf(issue: Issue | PointedIssue): PointedIssue {
  if ("pointer" in issue) return { detail: issue.detail, pointer: issue.pointer };
  const { path, message } = issue;
  const steps = path === "" ? [] : path.split(".");
  const escaped = steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1")));
  return { detail: message, pointer: `#${escaped.map((step) => `/${step}`).join("")}` };
}
