import { StoreUnavailableError, WaybillError } from "../../../core/errors/errors.js";
import { isError } from "../../../core/errors/foreign.js";
import type { CreateItem, CreateReply, CreateResult, StoredJob } from "../../../core/ports/store.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf, textOf } from "../rows/codec.js";
import { JOB_COLUMNS } from "../rows/columns.js";
import { HINTED, telling } from "../listen/hints.js";
import { isLockTimeout } from "../client/errors.js";
import { type NewRows, newRows } from "../rows/new-rows.js";
import { further, type Session } from "../client/session.js";
import { batch, CLOCK, rowsOf } from "../client/statement.js";
import { encodeText } from "../rows/text.js";

/**
 * How long a create waits for a transaction that has written the same id or scope and may still go either way: a batch
 * hardly, so that the others of it can be made without the one that waits. Set for the statement alone, before it inserts.
 */
const PATIENCE_MS = { batch: 100, single: 1_500 };

/** `offset`: what the limit was is read before it is set. */
function patience(ms: number): string {
  return (
    `patience as materialized (select b.lock_timeout, set_config('lock_timeout', '${ms}', true) ` +
    "from (select current_setting('lock_timeout') as lock_timeout offset 0) b)"
  );
}

/**
 * Behind the inserts the limit is again what it was: the commit of whoever notifies waits for the commits of others that do,
 * and that is no open transaction, however slow the disk or a standby is.
 */
const EASED =
  "eased as materialized (select set_config('lock_timeout', patience.lock_timeout, true) " +
  "from patience, (select count(*) from stored) s)";

/**
 * A job of this id, or of this scope, is left as it is; told are those that were not made, so that success costs no row.
 * What is in the way cannot be read here: the snapshot may be older.
 */
function insertStatement(
  session: Session,
  { declared, sharedDeclared, names, values }: NewRows,
  patienceMs: number | null,
): string {
  const { job } = session.names;
  const told = telling(session, ["stored"]);
  const parts = [CLOCK, rowsOf(1, declared)];
  if (patienceMs !== null) parts.push(patience(patienceMs));
  if (sharedDeclared !== "") {
    parts.push(`c as materialized (select * from json_to_record($2::text::json) as c (${sharedDeclared}))`);
  }
  const from = `${sharedDeclared === "" ? "w" : "w, c"}${patienceMs === null ? "" : ", patience"}`;
  parts.push(
    `stored as (insert into ${job} as j (${names}) select ${values} from ${from} on conflict do nothing returning ${HINTED})`,
    ...told.parts,
  );
  if (patienceMs !== null) parts.push(EASED);
  const eased = patienceMs === null ? "" : " cross join eased";
  return (
    `with ${parts.join(", ")} select clock.ms as now_ms, r.id from clock${told.join}${eased} ` +
    "left join (select w.id from w where w.id not in (select id from stored)) r on true"
  );
}

const existingStatement = (job: string): string =>
  `with ${rowsOf(1, "id text, scope text")} select w.id as asked, r.* from w cross join lateral (` +
  `select ${JOB_COLUMNS}, 0 as preference from ${job} j where j.id = w.id union all ` +
  `select ${JOB_COLUMNS}, 1 from ${job} j where j.scope = w.scope order by preference limit 1) r`;

/** A job that was in the way may be gone when it is looked for: then the place is free. */
const MAX_ROUNDS = 5;

export async function createJobs(
  session: Session,
  items: readonly CreateItem[],
  nowMs: number,
): Promise<CreateReply> {
  const results = new Map<string, CreateResult>();
  const patienceMs = patienceOf(session, items);
  let left = items;
  let now = nowMs;
  for (let round = 0; left.length > 0 || round === 0; round += 1) {
    if (round === MAX_ROUNDS) throw contended(results.size > 0);
    const made = newRows(inOrder(left));
    const params = made.sharedDeclared === "" ? [made.rows] : [made.rows, made.shared];
    const rows = await further(session, results.size > 0, () =>
      session.run(insertStatement(session, made, patienceMs), params, "writes").catch(ofPending),
    );
    now = rows[0] === undefined ? now : numberOf(rows[0], "now_ms");
    const refused = new Set(rows.map((row) => row["id"]));
    for (const { record } of left) if (!refused.has(record.id)) results.set(record.id, { status: "created" });
    left = left.filter((item) => !results.has(item.record.id));
    if (left.length === 0) break;
    const asked = left;
    const found = await further(session, results.size > 0, () => existing(session, asked));
    for (const [id, job] of found) results.set(id, { status: "existing", job });
    left = left.filter((item) => !results.has(item.record.id));
  }
  return { nowMs: now, results: items.map(({ record }) => results.get(record.id) ?? missing()) };
}

/** `null`: none. In the caller's transaction a limit would outlast the statement, and the wait is the caller's own. */
function patienceOf(session: Session, items: readonly CreateItem[]): number | null {
  if (!session.commits) return null;
  return items.length === 1 ? PATIENCE_MS.single : PATIENCE_MS.batch;
}

/** The wait was given up, and the statement with it. */
function ofPending(error: unknown): never {
  const cause: unknown = isError(error) ? error.cause : undefined;
  if (!isLockTimeout(cause)) throw error;
  const sentence = "A transaction that is still open has used an idempotency key or an id of this call.";
  throw new WaybillError("idempotency.pending", sentence, { cause });
}

/** By scope, then as given: batches that share keys wait for each other in one order, and so never in a circle. */
function inOrder(items: readonly CreateItem[]): readonly CreateItem[] {
  return items.every(({ record }) => record.scope === null)
    ? items
    : [...items].sort((a, b) => compare(a.record.scope ?? "", b.record.scope ?? ""));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function existing(
  session: Session,
  items: readonly CreateItem[],
): Promise<readonly (readonly [string, StoredJob])[]> {
  const asked = items.map(({ record: { id, scope } }) => ({
    id,
    scope: scope === null ? null : encodeText(scope),
  }));
  const rows = await session.run(existingStatement(session.names.job), [batch(asked)], "reads");
  return rows.map((row: Row) => [textOf(row, "asked"), decodeJob(row)] as const);
}

function contended(inPart: boolean): StoreUnavailableError {
  const sentence = "Postgres kept refusing a job for another one that was never found.";
  return new StoreUnavailableError(sentence, { outcome: inPart ? "unknown" : "not_applied" });
}

function missing(): never {
  throw new StoreUnavailableError("Postgres did not answer item by item.", { outcome: "unknown" });
}
