import { checkPrincipal, type Principal } from "../core/view/access.js";
import type { AnyDef } from "../core/define/any-def.js";
import { isWaybillError } from "../core/errors/errors.js";
import type { Call } from "./call.js";
import { takeCallback } from "./callbacks.js";
import { cancelJob, rerunJob, submitJob } from "./commands.js";
import { type JobRoutesOptions, type Routed, type Service, serviceOf } from "./options.js";
import { problemResponse, RequestRefused } from "./problem.js";
import { historyOfJob, listJobs, notFound, readJob } from "./reads.js";
import { wantsEvents } from "./request.js";
import { streamJob, streamJobs } from "./streams.js";
import { isError } from "../core/errors/foreign.js";

type Route = (call: Call) => Promise<Response>;
type Methods = Readonly<Partial<Record<"GET" | "POST", Route>>>;

const ROOT: Methods = { GET: listJobs };
const ONE: Methods = { GET: readJob, POST: submitJob };
const BELOW: ReadonlyMap<string, Methods> = new Map<string, Methods>([
  ["history", { GET: historyOfJob }],
  ["cancel", { POST: cancelJob }],
  ["rerun", { POST: rerunJob }],
]);

/**
 * The HTTP side of a Waybill: one function from a Web `Request` to a `Response`, for any server or framework.
 *
 * `POST /{kind}` · `GET /{id}` · `GET /` · `GET /{id}/history` · `POST /{id}/cancel` · `POST /{id}/rerun` ·
 * `POST /callbacks/{token}`, below `basePath`. The last asks no `authorize`: its token is the credential. Owner and actor come from `authorize`; from outside come input, filters and `Idempotency-Key`, nothing else. A malformed
 * id, an unknown one, another kind's and another owner's are one and the same 404. Errors are problem documents; the text of
 * none leaves. The function never rejects.
 *
 * @throws {WaybillError} `config.invalid`, `config.kind_unknown`: the options do not fit the composition
 */
export function jobRoutes<Defs extends AnyDef, const Kinds extends readonly Defs[]>(
  waybill: Routed<Defs>,
  options: JobRoutesOptions<Kinds>,
): (request: Request) => Promise<Response> {
  const service = serviceOf(waybill, options);
  return async (request) => {
    let response: Response;
    try {
      response = await answer(service, request);
    } catch (error) {
      response = problemResponse(error);
      if (response.status >= 500) {
        service.logger.error("a request over HTTP could not be answered", { error: nameOf(error) });
      }
    }
    return request.method === "HEAD" ? await withoutBody(response) : response;
  };
}

async function answer(service: Service, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const steps = stepsOf(service.basePath, pathname);
  const token = callbackIn(steps);
  if (token !== null) {
    if (request.method === "POST") return takeCallback(service, request, token);
    throw new RequestRefused("request.method_not_allowed", { allow: "POST" });
  }
  const principal = await principalOf(service, request);
  const methods = methodsOf(steps);
  if (methods === undefined) throw notFound();
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = method === "GET" || method === "POST" ? methods[method] : undefined;
  if (route === undefined)
    throw new RequestRefused("request.method_not_allowed", { allow: allowed(methods) });
  const call: Call = { service, request, principal, query: searchParams, name: steps?.[0] ?? "" };
  if (method !== "GET" || !wantsEvents(request)) return route(call);
  if (route === listJobs) return streamJobs(call);
  if (route === readJob) return streamJob(call);
  throw new RequestRefused("request.not_acceptable", { vary: "accept" });
}

/** Nobody is let in by what is missing: a principal without an owner is a fault of the service, never everybody. */
async function principalOf({ authorize, clock }: Service, request: Request): Promise<Principal> {
  const principal = checkPrincipal(await authorize(request));
  if (principal === null) throw new RequestRefused("request.unauthenticated");
  const { expiresAt } = principal;
  if (expiresAt !== undefined && expiresAt.getTime() <= clock.now()) {
    throw new RequestRefused("request.unauthenticated");
  }
  return principal;
}

/** The steps below the base path, decoded; `null`: another path. */
function stepsOf(basePath: string, pathname: string): readonly string[] | null {
  if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) return null;
  const rest = pathname.slice(basePath.length + 1);
  try {
    return rest === "" ? [] : rest.split("/").map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** The token of a callback's address. A job's own id may be `callbacks` too: what stands below it is no token. */
function callbackIn(steps: readonly string[] | null): string | null {
  const [first, token] = steps?.length === 2 ? steps : [];
  return first === "callbacks" && token !== undefined && !BELOW.has(token) ? token : null;
}

function methodsOf(steps: readonly string[] | null): Methods | undefined {
  if (steps === null) return undefined;
  if (steps.length === 0) return ROOT;
  if (steps.length === 1) return ONE;
  return steps.length === 2 ? BELOW.get(steps[1] ?? "") : undefined;
}

function allowed(methods: Methods): string {
  return Object.keys(methods)
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
}

async function withoutBody({ status, headers, body }: Response): Promise<Response> {
  // A stream that nobody reads would be held open.
  await body?.cancel();
  return new Response(null, { status, headers });
}

/** What a log may say of an error: its code, else its name. */
function nameOf(error: unknown): string {
  if (isWaybillError(error)) return error.code;
  return isError(error) ? error.name : "not an Error";
}
