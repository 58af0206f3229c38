import type { IncomingMessage, ServerResponse } from "node:http";
import type { Presented } from "./authorize.js";
import type { RequestFault } from "./faults.js";

/** What an API answers to a request. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** AppSync takes 1 MB. */
const MOST_REQUEST_BYTES = 1_000_000;

/** Reads a request; `null`: it is too large. */
export async function presentedBy(request: IncomingMessage): Promise<Presented | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  if (body.length > MOST_REQUEST_BYTES) return null;
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
  return { method: request.method ?? "", path: request.url ?? "", headers, body: body.toString("utf8") };
}

/** What a client of the WebSocket presents in place of headers: those of the request that it would make. */
export function presentedAs(headers: unknown, path: string, body: string): Presented {
  const entries = Object.entries((headers ?? {}) as Record<string, unknown>);
  const named = entries.map(([name, value]) => [
    name.toLowerCase(),
    typeof value === "string" ? value : undefined,
  ]);
  return { method: "POST", path, headers: Object.fromEntries(named) as Presented["headers"], body };
}

export function errorReply(status: number, errorType: string, message: string): Reply {
  return { status, body: { errors: [{ errorType, message }] } };
}

/** What a fault answers; `null`: nothing at all. */
export function faultReply(fault: Exclude<RequestFault, "lost_reply">): Reply | null {
  switch (fault) {
    case "unavailable":
      return errorReply(503, "ServiceUnavailableException", "Service Unavailable");
    case "throttled":
      return errorReply(429, "TooManyRequestsException", "Rate exceeded");
    case "unauthorized":
      return errorReply(401, "UnauthorizedException", "You are not authorized to make this call.");
    case "errors":
      return { status: 200, body: { data: null, errors: [internalError(null)] } };
    case "hang":
      return null;
  }
}

export function internalError(alias: string | null): object {
  const path = alias === null ? null : [alias];
  return {
    path,
    locations: null,
    data: null,
    errorType: "InternalFailure",
    message: "An internal failure occurred",
  };
}

export function answer(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json;charset=UTF-8" }).end(JSON.stringify(body));
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
