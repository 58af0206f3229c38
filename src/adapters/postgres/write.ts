import type { ClaimNext, StoredJob, WriteItem, WriteReply, WriteResult } from "../../core/ports/store.js";
import type { RecordPatch } from "../../core/record.js";
import { claimNext, claimNextParts } from "./claim-next.js";
import type { Row } from "./client.js";
import { decodeJob, numberOf } from "./codec.js";
import { type Column, encodeField, JOB_COLUMNS, PATCH_COLUMNS } from "./columns.js";
import { GUARD, GUARD_COLUMNS, holds } from "./guard.js";
import { refKeysOf } from "./refs.js";
import { askUntilJudged } from "./refusal.js";
import type { Session } from "./session.js";
import { batch, CLOCK, inLockOrder, rowsOf } from "./statement.js";
import { encodeText } from "./text.js";

const PATCHABLE = Object.entries(PATCH_COLUMNS) as readonly (readonly [keyof RecordPatch, Column])[];

const COLUMNS = [
  "id text, lane integer",
  GUARD_COLUMNS,
  ...PATCHABLE.map(([, { name, type }]) => `${name} ${type}`),
  "ref_keys text[], entries text, lease_ms bigint, output text",
].join(", ");

const APPENDED = "case j.history when '' then w.entries else j.history || ',' || w.entries end";

/** Items that set the same columns share an update, a lane: only what changes is assigned. */
interface Lane {
  readonly assignments: string;
  readonly lane: number;
}

/** All that one call does, as one statement. */
interface Plan {
  readonly lanes: readonly Lane[];
  readonly rows: readonly object[];
}

export async function writeJobs(
  session: Session,
  items: readonly WriteItem[],
  nowMs: number,
  thenClaim?: ClaimNext,
): Promise<WriteReply> {
  let now = nowMs;
  let claimed: readonly StoredJob[] | undefined;
  // One row may be changed once in a statement, and what a statement frees it does not see.
  let rider = thenClaim !== undefined && items.length > 0 && leavesReadyJobsAlone(items) ? thenClaim : null;
  const results = await askUntilJudged(session, inLockOrder(items), async (asked) => {
    const answer = await writeOnce(session, asked, rider);
    now = answer.nowMs;
    if (rider !== null) claimed = answer.claimed;
    rider = null;
    return answer.results;
  });
  if (thenClaim !== undefined) claimed ??= (await claimNext(session, thenClaim, now)).jobs;
  const byId = new Map(inLockOrder(items).map((item, index) => [item.id, results[index]]));
  return {
    nowMs: now,
    results: items.map((item) => byId.get(item.id) as WriteResult),
    ...(claimed === undefined ? {} : { claimed }),
  };
}

/** Nothing that the items are to change is ready, before or after: completions, failures and progress of a worker. */
function leavesReadyJobsAlone(items: readonly WriteItem[]): boolean {
  return items.every(({ guard, patch }) => guard.status === "PROCESSING" && patch.status !== "QUEUED");
}

interface WriteAnswer {
  readonly nowMs: number;
  readonly results: ReadonlyMap<string, WriteResult | null>;
  readonly claimed: readonly StoredJob[];
}

async function writeOnce(
  session: Session,
  items: readonly WriteItem[],
  rider: ClaimNext | null,
): Promise<WriteAnswer> {
  const { job } = session.names;
  const { lanes, rows } = planOf(items);
  const claim = rider === null ? null : claimNextParts(job, rider, 2);
  const parts = [
    CLOCK,
    rowsOf(1, COLUMNS),
    ...lanes.map((lane) => update(job, lane)),
    ...(claim?.parts ?? []),
  ];
  const sql =
    `with ${parts.join(", ")} select clock.ms as now_ms, r.* from clock left join (${refused(job, lanes)}` +
    `${claim === null ? "" : ` union all select null, c.* from (${claim.claimed}) c`}) r on true`;
  const answers = await session.run(sql, [batch(rows), ...(claim?.params ?? [])], "writes");
  const nowMs = answers[0] === undefined ? 0 : numberOf(answers[0], "now_ms");
  return {
    nowMs,
    results: resultsOf(items, answers, nowMs),
    claimed: claim === null ? [] : claim.decode(answers.filter((row) => row["asked"] === null)),
  };
}

function planOf(items: readonly WriteItem[]): Plan {
  const lanes = new Map<string, Lane>();
  const rows = items.map((item) => {
    const { assignments, row } = assign(item);
    let lane = lanes.get(assignments);
    if (lane === undefined) lanes.set(assignments, (lane = { assignments, lane: lanes.size }));
    return { ...row, lane: lane.lane };
  });
  return { lanes: [...lanes.values()], rows };
}

/** Which columns a patch sets, and its row. What is absent from an object is null in its row. */
function assign(item: WriteItem): { readonly assignments: string; readonly row: Record<string, unknown> } {
  const { id, guard, patch, history, leaseMs, output } = item;
  const row: Record<string, unknown> = {
    id,
    guard_status: guard.status,
    guard_version: guard.version,
    guard_token: guard.token === null ? null : encodeText(guard.token),
    guard_dispatch: guard.dispatch,
    guard_lease: guard.expiredLease,
  };
  const assignments: string[] = [];
  const set = (name: string, value: unknown, expression = `w.${name}`): void => {
    assignments.push(`${name.replace("entries", "history")} = ${expression}`);
    row[name] = value;
  };
  for (const [field, column] of PATCHABLE) {
    const value = patch[field];
    if (value === undefined || (field === "leaseUntil" && leaseMs !== undefined)) continue;
    set(column.name, encodeField(column, value));
  }
  if (patch.awaiting !== undefined) set("ref_keys", refKeysOf(patch.awaiting));
  if ("replace" in history) set("entries", history.replace);
  else if (history.append !== "") set("entries", history.append, APPENDED);
  if (output !== undefined) set("output", output);
  if (leaseMs !== undefined) {
    assignments.push("lease_until = clock.ms + w.lease_ms");
    row["lease_ms"] = leaseMs;
  }
  return { assignments: assignments.join(", "), row };
}

function update(job: string, { assignments, lane }: Lane): string {
  return (
    `lane_${lane} as (update ${job} j set ${assignments} from w, clock ` +
    `where w.lane = ${lane} and j.id = w.id and ${GUARD} returning j.id)`
  );
}

/** Nothing where all was accepted: success costs no lookup and no parsing. */
function refused(job: string, lanes: readonly Lane[]): string {
  const accepted = lanes.map(({ lane }) => `select id from lane_${lane}`);
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
