import { type JobStatus, STATUSES } from "../core/job/lifecycle.js";
import { WaybillError } from "../core/errors/errors.js";
import { RequestRefused } from "./problem.js";

/** The longest that `Prefer: wait` is followed, seconds: below the patience of most proxies. */
export const MOST_WAIT_S = 30;
/** Most bytes of a body, where nothing else is said. */
export const MOST_BODY_BYTES = 1_048_576;
/** Most characters of an Idempotency-Key. */
export const MOST_KEY_CHARS = 255;
/** What the query of a list may hold. */
export const LIST_PARAMETERS = [
  "kind",
  "status",
  "word",
  "subject",
  "limit",
  "cursor",
  "latest",
  "fields",
] as const;

/** What of it a stream takes: the others would leave out jobs that begin to fit later, or show what no longer does. */
const STREAM_PARAMETERS: readonly string[] = ["kind", "subject", "limit"];

/** The body as JSON; `undefined`: there is none. */
export async function jsonBody(request: Request, mostBytes: number): Promise<unknown> {
  const text = await bodyText(request, mostBytes);
  if (text === "") return undefined;
  if (
    !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(request.headers.get("content-type")?.trim() ?? "")
  ) {
    throw new RequestRefused("request.unsupported_media_type", { accept: "application/json" });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestRefused("request.malformed");
  }
}

/** Stops reading at the limit, whatever length was announced. */
async function bodyText(request: Request, mostBytes: number): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw tooLarge();
  if (request.body === null) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > mostBytes) throw tooLarge();
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    // What the decoder refuses is no UTF-8; what the connection lost is nobody's to read.
    throw error instanceof WaybillError ? error : new RequestRefused("request.malformed");
  }
}

function tooLarge(): WaybillError<"input.too_large"> {
  return new WaybillError("input.too_large", "The body is too large.");
}

/**
 * `Idempotency-Key`, a quoted string (draft-ietf-httpapi-idempotency-key-header), or bare as most clients send it.
 */
export function idempotencyKey(request: Request): string | undefined {
  const header = request.headers.get("idempotency-key");
  if (header === null) return undefined;
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header.trim())?.[1];
  const key = quoted?.replace(/\\(.)/g, "$1") ?? header.trim();
  if (key.length > MOST_KEY_CHARS || !/^[\x20-\x7e]+$/.test(key))
    throw new RequestRefused("request.malformed");
  return key;
}

/** `Prefer: wait` (RFC 7240), in seconds; 0: not to wait. What is preferred may be left undone, so nothing is refused here. */
export function waitSeconds(request: Request): number {
  const asked = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec(
    request.headers.get("prefer") ?? "",
  )?.[1];
  return Math.min(MOST_WAIT_S, Number(asked ?? 0));
}

/** Whether one of the tags is that of what is there (RFC 9110 §13.1.2, weak comparison). */
export function noneMatch(request: Request, etag: string): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return true;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, "");
  return !header.split(",").some((tag) => tag.trim() === "*" || opaque(tag) === opaque(etag));
}

/** Whether events are asked for, as EventSource asks. */
export function wantsEvents(request: Request): boolean {
  return /(?:^|,)\s*text\/event-stream\s*(?:[,;]|$)/i.test(request.headers.get("accept") ?? "");
}

/** `fields=status` leaves out what may be large. */
export function onlyStatus(query: URLSearchParams): boolean {
  const [fields, ...others] = query.getAll("fields");
  if (others.length > 0 || (fields !== undefined && fields !== "status"))
    throw new RequestRefused("request.malformed");
  return fields === "status";
}

/** What a list is asked for. */
export interface ListQuery {
  readonly kind: string | null;
  readonly subject: string | null;
  readonly word: string | null;
  readonly statuses: readonly JobStatus[] | null;
  readonly limit: number;
  readonly cursor: string | null;
  /** One job instead of a page. */
  readonly latest: boolean;
}

/**
 * A parameter that does not exist is refused: a misspelt filter would show everything. So is one that comes twice, of which
 * only the first would be heard.
 */
export function listQuery(query: URLSearchParams): ListQuery {
  const known: readonly string[] = LIST_PARAMETERS;
  for (const name of query.keys()) {
    const isRepeated = name !== "status" && query.getAll(name).length > 1;
    if (isRepeated || !known.includes(name)) throw new RequestRefused("request.malformed");
  }
  const limit = Number(query.get("limit") ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw new RequestRefused("request.malformed");
  return {
    kind: query.get("kind"),
    subject: query.get("subject"),
    word: query.get("word"),
    statuses: statusesOf(query),
    limit,
    cursor: query.get("cursor"),
    latest: query.has("latest"),
  };
}

/** The query of a list that is streamed. */
export function streamQuery(query: URLSearchParams): ListQuery {
  for (const name of query.keys())
    if (!STREAM_PARAMETERS.includes(name)) throw new RequestRefused("request.malformed");
  return listQuery(query);
}

function statusesOf(query: URLSearchParams): readonly JobStatus[] | null {
  if (!query.has("status")) return null;
  const names = query.getAll("status").join(",");
  // A list of no status, which no job has: not one that was left out.
  if (names === "") return [];
  return names.split(",").map((name) => {
    const status = STATUSES.find((one) => one === name);
    if (status === undefined) throw new RequestRefused("request.malformed");
    return status;
  });
}
