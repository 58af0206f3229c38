import { MAX_PAYLOAD_BYTES } from "./feed.js";
import type { Session } from "../client/session.js";

/** What a hint is made of, of the row `j`: returned by every part of a statement that changes jobs and tells of it. */
export const HINTED = "j.id, j.kind, j.version, j.owner, j.subject, j.ready_at, j.wake_at";

/** Above it nothing is told any more: a queue that is full, since somebody listens and never reads, fails whoever notifies. */
const FULLEST = 0.5;
/** A payload ends with the hint that reaches this: with that one it is still short enough. */
const HALF = MAX_PAYLOAD_BYTES / 2;

/** How a statement tells of what it changes, in its own transaction. */
export interface Telling {
  /** Common table expressions, behind those that change. */
  readonly parts: readonly string[];
  /** To be joined, so that it is evaluated; one row without columns of use. */
  readonly join: string;
}

const SILENT: Telling = { parts: [], join: "" };

/** @param changed - names of parts that return what a hint is made of */
export function telling({ names, tells }: Session, changed: readonly string[]): Telling {
  if (!tells || changed.length === 0) return SILENT;
  const columns = HINTED.replaceAll("j.", "");
  const rows = changed.map((part) => `select ${columns} from ${part}`).join(" union all ");
  return {
    parts: [
      `hint as (select id, json_build_array(${columns})::text as hint from (${rows}) h ` +
        `where (select pg_notification_queue_usage()) < ${FULLEST})`,
      `part as (select hint, (sum(octet_length(hint) + 1) over (order by id)) / ${HALF} as part from hint ` +
        `where octet_length(hint) < ${HALF - 2})`,
      `told as (select count(pg_notify('${names.channel}', '[' || hints || ']')) as told from ` +
        "(select string_agg(hint, ',') as hints from part group by part) p)",
    ],
    join: " cross join told",
  };
}
