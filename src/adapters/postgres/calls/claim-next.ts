import type { ClaimNext, ClaimReply, NextReady, StoredJob } from "../../../core/ports/store.js";
import { type ReadEach, readEach } from "../../../core/ports/unreadable.js";
import { claimEffect, TERMS_COLUMNS, termsOf } from "./claim.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf, numberOrNull } from "../rows/codec.js";
import { JOB_COLUMNS, jobColumns } from "../rows/columns.js";
import { telling } from "../listen/hints.js";
import type { Session } from "../client/session.js";
import { CLOCK } from "../client/statement.js";
import { encodeText } from "../rows/text.js";

/** What a statement that claims is made of. */
export interface ClaimNextParts {
  /** Common table expressions; `clock` must be there already. */
  readonly parts: readonly string[];
  readonly params: readonly string[];
  /** Selects what was claimed, and what the token held before: a job, its input, and since when it was ready. */
  readonly claimed: string;
  readonly decode: (rows: readonly Row[]) => ReadEach<StoredJob>;
}

/**
 * The same conditions as the ready index has, which is read in its order: no kind is read further than is taken. Clock and
 * format are values of the statement, not rows to join: a limit of the index, and no filter over all that is delayed.
 */
function readyOf(job: string, kind: string, selected: string): string {
  return (
    `select ${selected} from ${job} j where j.kind = ${kind} and j.status = 'QUEUED' and j.queue is null ` +
    "and j.ready_at is not null and j.ready_at <= (select ms from clock) " +
    "and j.record_version <= (select record_version from t) order by j.ready_at, j.id"
  );
}

/**
 * One kind after the other by equality: with a list of kinds Postgres reads and sorts all that is ready. Of several kinds
 * it is counted first, without locks, how many of each are among the oldest, so that no more is locked than is taken.
 */
function quotas(job: string, kinds: number): string {
  if (kinds === 1) return "quota as materialized (select k.kind, k.lease_ms, k.lane, free.n from k, free)";
  return (
    "quota as materialized (select o.kind, o.lease_ms, o.lane, count(*)::integer as n from (" +
    `select k.kind, k.lease_ms, k.lane from k cross join lateral (` +
    `${readyOf(job, "k.kind", "j.ready_at, j.id")} limit (select n from free)) r ` +
    "order by r.ready_at, r.id limit (select n from free)) o group by o.kind, o.lease_ms, o.lane)"
  );
}

export function claimNextParts(job: string, next: ClaimNext, firstParameter: number): ClaimNextParts {
  const { terms, token, kinds, limit } = next;
  const leases = new Map(kinds.map(({ kind, leaseMs }) => [encodeText(kind), leaseMs]));
  const t = { ...termsOf(terms), token: encodeText(token), n: limit };
  const k = [...leases].map(([kind, lease_ms]) => ({ kind, lease_ms, lane: 0 }));
  return {
    params: [JSON.stringify(t), JSON.stringify(k)],
    parts: [
      `t as materialized (select * from json_to_record($${firstParameter}::text::json) as t (${TERMS_COLUMNS}, token text, n integer))`,
      `k as materialized (select * from json_to_recordset($${firstParameter + 1}::text::json) as k (kind text, lease_ms bigint, lane integer))`,
      `held as materialized (select ${jobColumns({ input: true })}, null::bigint as due_at from ${job} j ` +
        "where j.token = (select token from t) and j.status = 'PROCESSING' limit (select n from t))",
      "free as materialized (select greatest(0, t.n - (select count(*) from held))::integer as n from t)",
      quotas(job, k.length),
      "picked as materialized (select q.lease_ms, q.lane, r.id, r.ready_at from quota q cross join lateral (" +
        `${readyOf(job, "q.kind", "j.id, j.ready_at")} limit q.n for update of j skip locked) r)`,
      `taken as (update ${job} j set ${claimEffect("p", "t.token", "j.dispatch")} from picked p, t, clock ` +
        `where p.lane = 0 and j.id = p.id returning ${JOB_COLUMNS}, j.input, p.ready_at as due_at)`,
    ],
    claimed: "select * from held union all select * from taken",
    decode: decodeClaimed,
  };
}

/** What was held before comes first, then the oldest. */
function decodeClaimed(rows: readonly Row[]): ReadEach<StoredJob> {
  const { found, unreadable } = readEach(
    rows.filter((row) => row["id"] !== null),
    (row) => ({ dueAt: numberOrNull(row, "due_at") ?? -1, job: decodeJob(row, { input: true }) }),
  );
  const inOrder = [...found].sort(
    (a, b) => a.dueAt - b.dueAt || (a.job.record.id < b.job.record.id ? -1 : 1),
  );
  return { found: inOrder.map(({ job }) => job), unreadable };
}

/** Which job is ready next: one look into the index for each kind, and none where all that was asked for came. */
function nextReadyOf(job: string): string {
  return (
    "next as (select r.id as next_id, r.ready_at as next_ready_at from k cross join lateral (" +
    `select j.id, j.ready_at from ${job} j where j.kind = k.kind and j.status = 'QUEUED' and j.queue is null ` +
    "and j.ready_at is not null and j.ready_at > (select ms from clock) " +
    "and j.record_version <= (select record_version from t) order by j.ready_at, j.id limit 1) r " +
    "where (select count(*) from taken) < (select n from free) order by r.ready_at, r.id limit 1)"
  );
}

/** What the token holds already, then the next ready jobs. */
export async function claimNext(session: Session, next: ClaimNext, nowMs: number): Promise<ClaimReply> {
  const { parts, params, claimed, decode } = claimNextParts(session.names.job, next, 1);
  const told = telling(session, ["taken"]);
  const all = [CLOCK, ...parts, ...told.parts, nextReadyOf(session.names.job)];
  const sql = `with ${all.join(", ")} select clock.ms as now_ms, next.*, r.* from clock${told.join} left join next on true left join (${claimed}) r on true`;
  const rows = await session.run(sql, params, "writes");
  const { found, unreadable } = decode(rows);
  return {
    nowMs: rows[0] === undefined ? nowMs : numberOf(rows[0], "now_ms"),
    jobs: found,
    ...unreadable,
    results: [],
    ...nextOf(rows, found.length, next),
  };
}

function nextOf(
  [row]: readonly Row[],
  found: number,
  { limit }: ClaimNext,
): { readonly nextReady?: NextReady | null } {
  if (row === undefined || found >= limit) return {};
  const readyAt = numberOrNull(row, "next_ready_at");
  return { nextReady: readyAt === null ? null : { id: String(row["next_id"]), readyAt } };
}
