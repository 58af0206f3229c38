import type { ListedView } from "../core/api/view.js";
import type { AnyDef } from "../core/define/any-def.js";
import { isFinal } from "../core/job/lifecycle.js";
import type { RuntimeView } from "../core/view/projection.js";
import { jsonOfView } from "../core/view/view-json.js";

/** The version of a job as HTTP compares it. Weak: the same version may be written in two ways. */
export function etagOf({ id, version }: { readonly id: string; readonly version: number }): string {
  return `W/"${id}.${String(version)}"`;
}

/** A view as JSON; `brief` leaves out what may be large. */
export function viewJson(view: ListedView<AnyDef>, brief: boolean): object {
  const json = jsonOfView(view as unknown as RuntimeView);
  if (!brief) return json;
  const { output: _output, progress: _progress, ...status } = json;
  return status;
}

/** What is read again is asked for again: a job changes. `vary`: the same address streams to whoever accepts events. */
const READ_HEADERS = { "cache-control": "private, no-cache", vary: "accept" };

export function jsonResponse(
  body: unknown,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...READ_HEADERS, ...headers },
  });
}

export function notModified(headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 304, headers: { ...READ_HEADERS, ...headers } });
}

/** The tag of a job, and while it is not final when to look again: rarer as it grows older. */
export function jobHeaders(view: ListedView<AnyDef>, now: number): Readonly<Record<string, string>> {
  const ageS = (now - view.createdAt.getTime()) / 1_000;
  const again = ageS < 10 ? 1 : ageS < 60 ? 2 : ageS < 300 ? 5 : 10;
  return { etag: etagOf(view), ...(isFinal(view.status) ? {} : { "retry-after": String(again) }) };
}
