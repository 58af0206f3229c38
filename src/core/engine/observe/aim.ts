import { WaybillError } from "../../errors/errors.js";
import { requireOptions } from "../../options/options.js";
import { requireText } from "../compose/option-checks.js";
import type { Core } from "../context.js";

/** What an observer asks for, as it comes. */
export interface ObserveFilter {
  readonly ids?: readonly string[] | undefined;
  readonly owner?: string | null;
  readonly kind?: string | readonly string[] | undefined;
  readonly subject?: string | undefined;
  readonly limit?: number | undefined;
}

/** What an observer looks at, checked. */
export interface Aim {
  /** These jobs, as far as the rest fits; `null`: the newest that fit. */
  readonly ids: readonly string[] | null;
  /** `undefined`: anybody's; `null`: nobody's. */
  readonly owner: string | null | undefined;
  /** Only kinds that this process knows: it could not show others. */
  readonly kinds: readonly string[];
  readonly subject: string | undefined;
  readonly limit: number;
}

const DEFAULT_LIMIT = 100;
/** Above it an observer is an export: every job costs a read per re-read interval. */
const MOST_JOBS = 500;

/** @throws WaybillError `config.invalid`, `config.kind_unknown` */
export function aimOf(core: Core, filter: ObserveFilter): Aim {
  requireOptions("observe", filter, ["ids", "owner", "kind", "subject", "limit"]);
  checkOwner(filter);
  const { ids, owner, kind, subject, limit = DEFAULT_LIMIT } = filter;
  if (ids === undefined && owner === undefined && kind === undefined && subject === undefined) {
    throw invalid("observe needs at least one of ids, owner, kind and subject.");
  }
  if (subject !== undefined) requireText("subject", subject);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_JOBS) {
    throw invalid(`limit must be a whole number from 1 to ${String(MOST_JOBS)}.`);
  }
  return { ids: idsOf(ids), owner, kinds: kindsOf(core, kind), subject, limit };
}

/** An owner that is there by mistake must never mean anybody. */
function checkOwner(filter: { readonly owner?: unknown }): void {
  if (!("owner" in filter) || filter.owner === null) return;
  if (filter.owner === undefined) {
    throw invalid(
      "owner is there but undefined: pass the owner's id, null for jobs of nobody, or leave owner out to look at everybody's.",
    );
  }
  requireText("owner", filter.owner);
}

function idsOf(ids: readonly string[] | undefined): readonly string[] | null {
  if (ids === undefined) return null;
  if (!Array.isArray(ids) || ids.length > MOST_JOBS || !ids.every((id) => typeof id === "string")) {
    throw invalid(`ids must be a list of at most ${String(MOST_JOBS)} job ids.`);
  }
  return [...new Set(ids)];
}

function kindsOf({ definitions }: Core, kind: string | readonly string[] | undefined): readonly string[] {
  if (kind === undefined) return [...definitions.keys()];
  if (typeof kind !== "string" && !Array.isArray(kind))
    throw invalid("kind must be a kind, or a list of kinds.");
  const kinds = typeof kind === "string" ? [kind] : [...new Set<string>(kind)];
  for (const each of kinds) {
    if (!definitions.has(each)) {
      throw new WaybillError("config.kind_unknown", `There is no kind ${JSON.stringify(each)} to observe.`);
    }
  }
  return kinds.sort();
}

/** What is known of a job, or told by a hint, that says whether it is meant. */
export interface Facts {
  readonly owner: string | null;
  readonly kind: string;
  readonly subject: string | null;
}

/** Whether a job may be among those that an observer sees, apart from `ids` and `limit`. */
export function isMeant(aim: Aim, { owner, kind, subject }: Facts): boolean {
  if (aim.owner !== undefined && aim.owner !== owner) return false;
  if (aim.subject !== undefined && aim.subject !== subject) return false;
  return aim.kinds.includes(kind);
}

function invalid(sentence: string): WaybillError {
  return new WaybillError("config.invalid", sentence);
}
