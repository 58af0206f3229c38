import type { AnyDef, ExternalDef } from "../core/define/any-def.js";
import type { Poll } from "../core/define/handler-context.js";
import { WaybillError } from "../core/errors/errors.js";
import type { Service } from "./options.js";
import { RequestRefused } from "./problem.js";
import { jsonBody } from "./request.js";

/** Most bytes of what is told of external work: an account of it, not its product. */
const MOST_CALLBACK_BYTES = 65_536;
/** What may be told of external work, by name. */
export const CALLBACK_FIELDS = [
  "state",
  "output",
  "message",
  "code",
  "expose",
  "details",
  "rerun",
  "phase",
  "progress",
  "etaAt",
  "nextPollMs",
  "allowDecrease",
] as const;

/**
 * `POST /callbacks/{token}`: what the kind's `poll` could answer, told by whoever does the work; 204. The token is the
 * credential, so nobody is asked who calls, and nothing of the job is in the answer. Without a body it says no more than
 * that it is time to look.
 */
export async function takeCallback(service: Service, request: Request, token: string): Promise<Response> {
  const kind = service.callbackOf(token)?.kind;
  const def = kind === undefined ? undefined : service.visible.get(kind);
  if (def === undefined) {
    throw new WaybillError("callback.invalid", "The token is of no callback that is taken here.");
  }
  const body = await jsonBody(request, Math.min(MOST_CALLBACK_BYTES, service.maxBodyBytes));
  const told = await service.waybill.report(def, { token }, seenOf(body));
  if (!told.ok) throw told.error;
  return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
}

/** What is told, as `report` takes it; which states there are is for it to say. */
function seenOf(body: unknown): Poll<ExternalDef<AnyDef>> {
  if (body === undefined) return { state: "open", nextPollMs: 0 };
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new RequestRefused("request.malformed");
  }
  const known: readonly string[] = CALLBACK_FIELDS;
  if (Object.keys(body).some((name) => !known.includes(name))) throw new RequestRefused("request.malformed");
  const { etaAt, ...said } = body as { readonly etaAt?: unknown };
  // JSON has no instants.
  return { ...said, ...(etaAt === undefined ? {} : { etaAt: instantOf(etaAt) }) } as Poll<
    ExternalDef<AnyDef>
  >;
}

function instantOf(given: unknown): Date | null {
  if (given === null) return null;
  const instant = new Date(typeof given === "string" ? given : Number.NaN);
  if (Number.isNaN(instant.getTime())) throw new RequestRefused("request.malformed");
  return instant;
}
