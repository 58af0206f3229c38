import type { Authorize } from "../core/view/access.js";
import type { Composition, Waybill } from "../core/api/waybill.js";
import type { Clock } from "../core/environment/clock.js";
import type { AnyDef } from "../core/define/any-def.js";
import { WaybillError } from "../core/errors/errors.js";
import type { Logger } from "../core/environment/logger.js";
import { checkOptions } from "../core/options/options.js";
import { MOST_BODY_BYTES } from "./request.js";
import { createWaits, type Waits } from "./waits.js";

/** What routes stand on: any Waybill. Its kinds are in its type. */
export interface Routed<Defs extends AnyDef> {
  readonly "~composition": Composition<Defs>;
}

/** Which kinds the outside sees, and which of them it may start. */
export interface KindsOptions<Kinds extends readonly AnyDef[]> {
  /** What is visible. A job of another kind is as unknown as none. */
  readonly kinds: Kinds;
  /** What the outside may start, and run again; `[]`: nothing. */
  readonly submit: readonly Kinds[number][];
  /** The path under which the routes are reached. @default "/jobs" */
  readonly basePath?: string | undefined;
}

/** What `jobRoutes` takes. */
export interface JobRoutesOptions<Kinds extends readonly AnyDef[]> extends KindsOptions<Kinds> {
  /** Says whose a request is. There is no default that lets anybody in. */
  readonly authorize: Authorize;
  /** Most bytes of a body. @default 1_048_576 // 1 MiB */
  readonly maxBodyBytes?: number | undefined;
  /** Most requests of one owner that wait at a time, in this process. @default 10 */
  readonly maxWaits?: number | undefined;
}

/** The kinds by name. */
export interface Kinds {
  readonly visible: ReadonlyMap<string, AnyDef>;
  readonly startable: ReadonlyMap<string, AnyDef>;
  /** Without a slash at its end. */
  readonly basePath: string;
}

/** Everything that the routes answer with. */
export interface Service extends Kinds {
  readonly waybill: Waybill<AnyDef>;
  readonly authorize: Authorize;
  readonly callbackOf: Composition<AnyDef>["callbackOf"];
  readonly tellUnshowable: Composition<AnyDef>["tellUnshowable"];
  readonly maxBodyBytes: number;
  readonly waits: Waits;
  readonly clock: Clock;
  readonly logger: Logger;
}

const KINDS = ["kinds", "submit", "basePath"];
const MOST_WAITS = 10;

/** Reads the options. @throws WaybillError `config.invalid`, `config.kind_unknown` */
export function serviceOf(waybill: Routed<never>, options: JobRoutesOptions<readonly AnyDef[]>): Service {
  const composition = (waybill as Partial<Routed<never>> | undefined)?.["~composition"];
  if (composition === undefined) throw invalid("jobRoutes takes a Waybill first: what createWaybill gave.");
  // `undefined` is as good as no options elsewhere; here something must be said.
  const given: unknown = options;
  checkOptions("jobRoutes", given ?? null, [...KINDS, "authorize", "maxBodyBytes", "maxWaits"]);
  const { authorize, maxBodyBytes = MOST_BODY_BYTES, maxWaits = MOST_WAITS } = options;
  if (typeof authorize !== "function") {
    throw invalid("jobRoutes needs authorize, a function: it says whose a request is, or null.");
  }
  const kinds = kindsOf("jobRoutes", options);
  for (const kind of kinds.visible.keys()) {
    if (composition.kinds.has(kind)) continue;
    const sentence = `jobRoutes shows the kind ${kind}, which is not among the jobs of this Waybill.`;
    throw new WaybillError("config.kind_unknown", sentence);
  }
  return {
    ...kinds,
    // Kinds are compared by name from here on.
    waybill: waybill as unknown as Waybill<AnyDef>,
    authorize,
    callbackOf: composition.callbackOf,
    tellUnshowable: composition.tellUnshowable,
    maxBodyBytes: whole("maxBodyBytes", maxBodyBytes),
    waits: createWaits(whole("maxWaits", maxWaits)),
    clock: composition.clock,
    logger: composition.logger,
  };
}

/** Reads the options about kinds and paths. @throws WaybillError `config.invalid` */
export function kindsOf(what: string, options: KindsOptions<readonly AnyDef[]>): Kinds {
  const { basePath = "/jobs" } = options;
  if (typeof basePath !== "string" || !/^\/[\w.~/-]*$/.test(basePath)) {
    throw invalid(`basePath of ${what} must be a path such as /jobs.`);
  }
  const visible = byKind(what, "kinds", options.kinds);
  const startable = byKind(what, "submit", options.submit);
  for (const kind of startable.keys()) {
    if (!visible.has(kind)) throw invalid(`submit of ${what} names ${kind}, which is not among its kinds.`);
  }
  return { visible, startable, basePath: basePath.replace(/\/+$/, "") };
}

function byKind(what: string, option: string, given: unknown): ReadonlyMap<string, AnyDef> {
  if (!Array.isArray(given) || !given.every(isDef)) {
    throw invalid(`${what} needs ${option}, a list of definitions made by defineJob.`);
  }
  return new Map(given.map((def) => [def.kind, def]));
}

function isDef(value: unknown): value is AnyDef {
  return typeof value === "object" && value !== null && "~definition" in value;
}

function whole(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(`${option} of jobRoutes must be a whole number above 0.`);
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}
