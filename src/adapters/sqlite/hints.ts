import type { FeedHint } from "../../core/ports/feed.js";
import { decodeHints, encodeHints } from "../../core/wire/hints.js";
import type { Row } from "./driver.js";
import type { Session } from "./connection.js";
import { decodeText } from "./rows/text.js";

/** Rows that are kept for those who listen: seconds of a busy file, and no more than they can be behind. */
const KEPT_ROWS = 500;
/** Rows written here between two times that old ones are dropped. */
const DROP_EVERY = 100;
/** Most rows that are read in one go. */
const MOST_ROWS = 200;
const MAX_PAYLOAD_BYTES = 256 * 1024;

const INSERT = "insert into waybill_hint (jobs, hints) values (?, ?)";
const DROP = "delete from waybill_hint where seq <= (select max(seq) from waybill_hint) - ?";
const NEWEST = "select coalesce(max(seq), 0) as seq from waybill_hint";
const BEHIND = "select seq, jobs, hints from waybill_hint where seq > ? order by seq limit ?";
const CHANGED =
  "select id, kind, version, owner, subject, ready_at, wake_at from waybill_job where id in (select value from json_each(?))";

/** Notes for other processes, in the transaction of a change, what it changed: one row, however many jobs. */
export class HintLog {
  #rows = 0;

  changed(session: Session, ids: readonly string[]): void {
    if (ids.length > 0) this.#insert(session, JSON.stringify(ids), "");
  }

  told(session: Session, hints: readonly FeedHint[]): void {
    for (const payload of encodeHints(hints, MAX_PAYLOAD_BYTES)) this.#insert(session, "", payload);
  }

  #insert(session: Session, jobs: string, hints: string): void {
    session.run(INSERT, jobs, hints);
    this.#rows += 1;
    // At the first one too: a process that notes a few and ends would leave them to nobody.
    if (this.#rows % DROP_EVERY === 1) session.run(DROP, KEPT_ROWS);
  }
}

export function newestHint(session: Session): number {
  return Number(session.all(NEWEST)[0]?.["seq"]);
}

/** What was noted behind a place. */
export interface HintsRead {
  readonly hints: readonly FeedHint[];
  readonly upTo: number;
  /** Rows in between were dropped before they were read. */
  readonly gap: boolean;
  readonly more: boolean;
}

export function hintsBehind(session: Session, seq: number): HintsRead {
  const rows = session.all(BEHIND, seq, MOST_ROWS);
  const first = rows[0];
  const last = rows[rows.length - 1];
  if (first === undefined || last === undefined) return { hints: [], upTo: seq, gap: false, more: false };
  const told = rows.flatMap((row) => decodeHints(String(row["hints"])).hints);
  return {
    hints: [...told, ...changedJobs(session, rows)],
    upTo: Number(last["seq"]),
    gap: Number(first["seq"]) > seq + 1,
    more: rows.length === MOST_ROWS,
  };
}

/** The jobs as they are by now: the newest hint of a job says all that older ones did. */
function changedJobs(session: Session, rows: readonly Row[]): readonly FeedHint[] {
  const ids = new Set(rows.flatMap((row) => idsOf(String(row["jobs"]))));
  if (ids.size === 0) return [];
  return session.all(CHANGED, JSON.stringify([...ids])).map((row) => ({
    id: String(row["id"]),
    kind: decodeText(String(row["kind"])),
    version: Number(row["version"]),
    owner: textOf(row["owner"]),
    subject: textOf(row["subject"]),
    readyAt: instantOf(row["ready_at"]),
    wakeAt: instantOf(row["wake_at"]),
  }));
}

function idsOf(jobs: string): readonly string[] {
  return jobs === "" ? [] : (JSON.parse(jobs) as readonly string[]);
}

function textOf(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : decodeText(String(value));
}

function instantOf(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
