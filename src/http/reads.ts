import type { OwnerOption } from "../core/options/owner-option.js";
import type { Principal } from "../core/view/access.js";
import type { Job, ListedJob } from "../core/api/job.js";
import type { ListFilter } from "../core/api/waybill.js";
import { type ListedView, toListedView, toView } from "../core/api/view.js";
import type { AnyDef } from "../core/define/any-def.js";
import { isWaybillError, WaybillError } from "../core/errors/errors.js";
import { isFinal } from "../core/job/lifecycle.js";
import { onAbort } from "../core/live/on-abort.js";
import { eventToJson } from "../core/wire/event.js";
import { etagOf, jobHeaders, jsonResponse, notModified, viewJson } from "./answers.js";
import type { Call } from "./call.js";
import { callLife } from "./call-life.js";
import type { Service } from "./options.js";
import { RequestRefused } from "./problem.js";
import { type ListQuery, listQuery, noneMatch, onlyStatus, waitSeconds } from "./request.js";

/** A job with the definition that shows it. */
export interface Found {
  readonly def: AnyDef;
  readonly job: Job<AnyDef>;
}

/** The one answer to everything that is not there, or not the caller's. */
export function notFound(): WaybillError<"job.not_found"> {
  return new WaybillError("job.not_found", "There is no such job.");
}

/** Whose jobs a principal sees. */
export function seenBy({ owner, sees }: Principal): OwnerOption {
  return sees === "all" ? {} : { owner };
}

/** The job of an id, as this caller may see it. @throws WaybillError `job.not_found` */
export async function findJob({ service, principal, name }: Call): Promise<Found> {
  const job = await service.waybill.get(name, seenBy(principal));
  const def = job === null ? undefined : service.visible.get(job.kind);
  if (job === null || def === undefined) throw notFound();
  return { def, job };
}

/** Waits until a job is as it should be, or time, the caller or their credential is gone; then as it is. */
export async function waitFor(
  { service, request, principal }: Call,
  { def, job }: Found,
  seconds: number,
  isReached: (job: Job<AnyDef>) => boolean,
): Promise<Found> {
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
  };
  const cancelTimer = service.clock.timer(seconds * 1_000, end, true);
  const life = callLife(service.clock, request, principal);
  const deaf = onAbort(life.signal, end);
  let latest = job;
  try {
    if (life.signal.aborted) end();
    for await (const seen of service.waybill.watch(def, job.id, {
      ...seenBy(principal),
      signal: stop.signal,
    })) {
      latest = seen;
      if (isReached(seen)) break;
    }
  } finally {
    cancelTimer();
    deaf();
    life.end();
  }
  return { def, job: latest };
}

/** `GET /{id}`: with `If-None-Match` 304 while nothing changed, and with `Prefer: wait` after waiting for a change. */
export async function readJob(call: Call): Promise<Response> {
  const { service, request, principal, query } = call;
  const brief = onlyStatus(query);
  let found = await findJob(call);
  const isNews = (job: Job<AnyDef>): boolean => noneMatch(request, etagOf(job));
  const seconds = waitSeconds(request);
  const waits = seconds > 0 && !isNews(found.job) && !isFinal(found.job.status);
  if (waits) {
    found = await service.waits.hold(principal.owner, () => waitFor(call, found, seconds, isNews));
  }
  const view = toView(found.def, found.job);
  const headers = {
    ...jobHeaders(view, service.clock.now()),
    ...(waits ? { "preference-applied": `wait=${String(seconds)}` } : {}),
  };
  return isNews(found.job) ? jsonResponse(viewJson(view, brief), { headers }) : notModified(headers);
}

/** `GET /`: a page of jobs, newest first; with `latest` the newest one about a subject, whole. */
export async function listJobs(call: Call): Promise<Response> {
  const { service, query } = call;
  const brief = onlyStatus(query);
  const asked = listQuery(query);
  if (asked.kind !== null && !service.visible.has(asked.kind)) throw notFound();
  if (asked.latest) return latestJob(call, asked, brief);
  const page = await asAsked(() => service.waybill.list(filterOf(call, asked)));
  const items = page.items.flatMap((job) => {
    const def = service.visible.get(job.kind);
    return def === undefined ? [] : listed(service, def, job).map((view) => viewJson(view, brief));
  });
  return jsonResponse({ items, next: page.next }, { headers: linkOf(service, query, page.next) });
}

/** A job as lists show it; none, said in the log, where its kind cannot: it keeps nobody from the others. */
function listed({ tellUnshowable }: Service, def: AnyDef, job: ListedJob<AnyDef>): ListedView<AnyDef>[] {
  try {
    return [toListedView(def, job)];
  } catch (error) {
    tellUnshowable(job, error);
    return [];
  }
}

async function latestJob(
  { service, principal }: Call,
  { kind, subject }: ListQuery,
  brief: boolean,
): Promise<Response> {
  const def = kind === null ? undefined : service.visible.get(kind);
  if (def === undefined || subject === null) throw new RequestRefused("request.malformed");
  const job = await asAsked(() => service.waybill.latest(def, subject, seenBy(principal)));
  if (job === null) throw notFound();
  const view = toView(def, job);
  return jsonResponse(viewJson(view, brief), { headers: jobHeaders(view, service.clock.now()) });
}

function filterOf({ service, principal }: Call, asked: ListQuery): ListFilter<AnyDef> {
  const { kind, subject, word, statuses, limit, cursor } = asked;
  const [only] = service.visible.size === 1 ? service.visible.keys() : [];
  const kindAsked = kind ?? only;
  return {
    limit,
    ...seenBy(principal),
    ...(kindAsked === undefined ? {} : { kind: kindAsked }),
    ...(subject === null ? {} : { subject }),
    ...(word === null ? {} : { word }),
    ...(statuses === null ? {} : { status: statuses }),
    ...(cursor === null ? {} : { cursor }),
  };
}

/** Everything in these calls but the owner came from the query: what is refused of it is the caller's. */
export async function asAsked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isWaybillError(error, "config.invalid") ? new RequestRefused("request.malformed") : error;
  }
}

/** The next page, as crawlers and generic clients look for it (RFC 8288). */
function linkOf(
  { basePath }: Service,
  query: URLSearchParams,
  next: string | null,
): Readonly<Record<string, string>> {
  if (next === null) return {};
  const following = new URLSearchParams(query);
  following.set("cursor", next);
  return { link: `<${basePath}/?${following.toString()}>; rel="next"` };
}

/** `GET /{id}/history`: every event that is kept, oldest first; who did it only where the kind's `project` lets it through. */
export async function historyOfJob({ service, principal, name }: Call): Promise<Response> {
  const history = await service.waybill.history(name, seenBy(principal));
  const def = service.visible.get(history?.events[0]?.kind ?? "");
  if (history === null || def === undefined) throw notFound();
  const items = history.events.map(eventToJson);
  return jsonResponse({ items, trimmed: history.trimmed });
}
