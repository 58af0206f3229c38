import type { ClaimNext, StoredJob, WriteItem, WriteReply, WriteResult } from "../../../core/ports/store.js";
import type { ReadEach } from "../../../core/ports/unreadable.js";
import { claimNext, claimNextParts } from "./claim-next.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf } from "../rows/codec.js";
import { JOB_COLUMNS } from "../rows/columns.js";
import { holds } from "../rows/guard.js";
import { HINTED, telling } from "../listen/hints.js";
import { columnsOf, type Lane, laneOf, rowOf } from "../rows/lane.js";
import { askUntilJudged } from "../client/refusal.js";
import type { Session } from "../client/session.js";
import { CLOCK, inLockOrder, rowsOf } from "../client/statement.js";

/** All that one call does, as one statement. */
interface Plan {
  readonly lanes: readonly Lane[];
  readonly rows: string;
}

export async function writeJobs(
  session: Session,
  items: readonly WriteItem[],
  nowMs: number,
  thenClaim?: ClaimNext,
): Promise<WriteReply> {
  let now = nowMs;
  let claimed: ReadEach<StoredJob> | undefined;
  // One row may be changed once in a statement, and what a statement frees it does not see.
  let piggyback =
    thenClaim !== undefined && items.length > 0 && mayShare(items, thenClaim) ? thenClaim : null;
  const results = await askUntilJudged(session, inLockOrder(items), async (asked) => {
    const answer = await writeOnce(session, asked, piggyback);
    now = answer.nowMs;
    if (piggyback !== null) claimed = answer.claimed;
    piggyback = null;
    return answer.results;
  });
  if (thenClaim !== undefined && claimed === undefined) {
    const { jobs, unreadable } = await claimNext(session, thenClaim, now);
    claimed = { found: jobs, unreadable: unreadable === undefined ? {} : { unreadable } };
  }
  const byId = new Map(inLockOrder(items).map((item, index) => [item.id, results[index]]));
  return {
    nowMs: now,
    results: items.map((item) => byId.get(item.id) as WriteResult),
    ...(claimed === undefined ? {} : { claimed: claimed.found, ...claimed.unreadable }),
  };
}

/**
 * Nothing that the items are to change is ready, before or after, or held under the token that claims: completions,
 * failures and progress of a worker.
 */
function mayShare(items: readonly WriteItem[], { token }: ClaimNext): boolean {
  return items.every(
    ({ guard, patch }) => guard.status === "PROCESSING" && patch.status !== "QUEUED" && guard.token !== token,
  );
}

const NOTHING_READ: ReadEach<StoredJob> = { found: [], unreadable: {} };

interface WriteAnswer {
  readonly nowMs: number;
  readonly results: ReadonlyMap<string, WriteResult | null>;
  readonly claimed: ReadEach<StoredJob>;
}

async function writeOnce(
  session: Session,
  items: readonly WriteItem[],
  piggyback: ClaimNext | null,
): Promise<WriteAnswer> {
  const { job } = session.names;
  const { lanes, rows } = planOf(items);
  const claim = piggyback === null ? null : claimNextParts(job, piggyback, 2);
  const parts = [
    CLOCK,
    rowsOf(1, columnsOf(lanes)),
    ...lanes.map((lane, number) => update(job, lane, number)),
    ...(claim?.parts ?? []),
  ];
  const told = telling(session, [
    ...lanes.map((_, number) => `lane_${number}`),
    ...(claim === null ? [] : ["taken"]),
  ]);
  const sql =
    `with ${[...parts, ...told.parts].join(", ")} select clock.ms as now_ms, r.* from clock${told.join} left join (${refused(job, lanes.length)}` +
    `${claim === null ? "" : ` union all select null, c.* from (${claim.claimed}) c`}) r on true`;
  const answers = await session.run(sql, [rows, ...(claim?.params ?? [])], "writes");
  const nowMs = answers[0] === undefined ? 0 : numberOf(answers[0], "now_ms");
  return {
    nowMs,
    results: resultsOf(items, answers, nowMs),
    claimed: claim === null ? NOTHING_READ : claim.decode(answers.filter((row) => row["asked"] === null)),
  };
}

function planOf(items: readonly WriteItem[]): Plan {
  const numbers = new Map<Lane, number>();
  const rows = items.map((item) => {
    const lane = laneOf(item);
    let number = numbers.get(lane);
    if (number === undefined) numbers.set(lane, (number = numbers.size));
    return rowOf(item, lane, number);
  });
  return { lanes: [...numbers.keys()], rows: `[${rows.join(",")}]` };
}

function update(job: string, { assignments, guard }: Lane, number: number): string {
  return (
    `lane_${number} as (update ${job} j set ${assignments} from w, clock ` +
    `where w.lane = ${number} and j.id = w.id and ${guard} returning ${HINTED})`
  );
}

/** Nothing where all was accepted: success costs no lookup and no parsing. */
function refused(job: string, lanes: number): string {
  const accepted = Array.from({ length: lanes }, (_, number) => `select id from lane_${number}`);
  if (accepted.length === 0) accepted.push("select null where false");
  return (
    `select w.id as asked, r.* from w left join lateral (select ${JOB_COLUMNS}, null::text as input, null::bigint as due_at ` +
    `from ${job} j where j.id = w.id limit 1) r on true where w.id not in (${accepted.join(" union all ")})`
  );
}

function resultsOf(
  items: readonly WriteItem[],
  answers: readonly Row[],
  nowMs: number,
): ReadonlyMap<string, WriteResult | null> {
  const shown = new Map(answers.map((row) => [row["asked"], row]));
  return new Map(
    items.map((item) => {
      const row = shown.get(item.id);
      return [item.id, row === undefined ? acceptedAt(item, nowMs) : refusedBy(item, row, nowMs)];
    }),
  );
}

function acceptedAt({ leaseMs }: WriteItem, nowMs: number): WriteResult {
  return leaseMs === undefined ? { status: "ok" } : { status: "ok", leaseUntil: nowMs + leaseMs };
}

/** `null`: by a row that is not the one shown. */
function refusedBy({ guard }: WriteItem, row: Row, nowMs: number): WriteResult | null {
  if (row["id"] === null) return { status: "gone" };
  const job = decodeJob(row);
  return holds(job.record, guard, nowMs) ? null : { status: "refused", job };
}
