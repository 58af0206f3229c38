import type { Principal } from "../core/view/access.js";
import { isCancelled } from "../core/api/job.js";
import { toView } from "../core/api/view.js";
import { isWaybillError } from "../core/errors/errors.js";
import { isFinal } from "../core/job/lifecycle.js";
import { jobHeaders, jsonResponse, viewJson } from "./answers.js";
import type { Call } from "./call.js";
import { RequestRefused } from "./problem.js";
import { findJob, type Found, notFound, seenBy, waitFor } from "./reads.js";
import { idempotencyKey, jsonBody, onlyStatus, waitSeconds } from "./request.js";

/** Most characters of a reason to cancel. */
const MOST_REASON_CHARS = 2_000;

/** `POST /{kind}`: 202 with the job, or 200 where it has ended already; with `Prefer: wait` after waiting for its end. */
export async function submitJob(call: Call): Promise<Response> {
  const { service, request, principal, name, query } = call;
  const def = service.startable.get(name);
  if (def === undefined) throw notFound();
  onlyStatus(query);
  const key = keyOf(request);
  const input = await jsonBody(request, service.maxBodyBytes);
  if (input === undefined) throw new RequestRefused("request.malformed");
  const submitted = await service.waybill.submit(def, input, {
    owner: principal.owner,
    ...actorOf(principal),
    ...key,
  });
  if (!submitted.ok) throw submitted.error;
  return started(call, { def, job: submitted.value });
}

/** `POST /{id}/rerun`: as a submit. Only kinds that the outside may start have this address. */
export async function rerunJob(call: Call): Promise<Response> {
  const { service, request, principal, query } = call;
  const { def, job } = await findJob(call);
  if (!service.startable.has(def.kind)) throw notFound();
  // What is wrong with a request is said before anything is stored.
  onlyStatus(query);
  const again = await service.waybill.rerun(def, job.id, {
    ...seenBy(principal),
    ...actorOf(principal),
    ...keyOf(request),
  });
  if (!again.ok) throw again.error;
  return started(call, { def, job: again.value });
}

/**
 * `POST /{id}/cancel`, with `{ "reason": … }` or without: 200 where the job has ended with it, 202 where that is asked for.
 * With an `Idempotency-Key` also where it had ended so before: the same request may come again because its answer was lost.
 */
export async function cancelJob(call: Call): Promise<Response> {
  const { service, request, principal, query } = call;
  onlyStatus(query);
  const reason = reasonOf(await jsonBody(request, service.maxBodyBytes));
  const { def, job } = await findJob(call);
  const cancelled = await service.waybill
    .cancel(def, job.id, { ...seenBy(principal), ...actorOf(principal), ...reason })
    .catch((error: unknown) => {
      // A text that no store can hold, such as one with NUL.
      throw isWaybillError(error, "config.invalid") ? new RequestRefused("request.malformed") : error;
    });
  if (cancelled.ok) return jobResponse(call, { def, job: cancelled.value });
  const mayBeOurs =
    isWaybillError(cancelled.error, "job.already_final") && request.headers.has("idempotency-key");
  const ended = mayBeOurs ? await findJob(call) : null;
  if (ended === null || !isCancelled(ended.job)) throw cancelled.error;
  return jobResponse(call, ended);
}

/** The job is stored: from here on nothing says that it is not. */
async function started(call: Call, submitted: Found): Promise<Response> {
  const { service, request, principal } = call;
  const location = `${service.basePath}/${submitted.job.id}`;
  const seconds = isFinal(submitted.job.status) ? 0 : waitSeconds(request);
  if (seconds === 0) return jobResponse(call, submitted, { location });
  const waiting = (): Promise<Found> => waitFor(call, submitted, seconds, (job) => isFinal(job.status));
  const found = await service.waits.hold(principal.owner, waiting).catch(() => null);
  if (found === null) return jobResponse(call, submitted, { location });
  return jobResponse(call, found, { location, "preference-applied": `wait=${String(seconds)}` });
}

function jobResponse(
  { service, query }: Call,
  { def, job }: Found,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const view = toView(def, job);
  return jsonResponse(viewJson(view, onlyStatus(query)), {
    status: isFinal(job.status) ? 200 : 202,
    headers: { ...jobHeaders(view, service.clock.now()), ...headers },
  });
}

function actorOf({ actor }: Principal): { readonly actor?: string } {
  return actor === undefined ? {} : { actor };
}

function keyOf(request: Request): { readonly idempotencyKey?: string } {
  const key = idempotencyKey(request);
  return key === undefined ? {} : { idempotencyKey: key };
}

function reasonOf(body: unknown): { readonly reason?: string } {
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new RequestRefused("request.malformed");
  const { reason, ...others } = body as { readonly reason?: unknown };
  if (Object.keys(others).length > 0) throw new RequestRefused("request.malformed");
  if (reason === undefined) return {};
  if (typeof reason === "string" && reason !== "" && reason.length <= MOST_REASON_CHARS) return { reason };
  throw new RequestRefused("request.malformed");
}
