import { StoreUnavailableError } from "../../core/errors.js";
import type { CreateItem, CreateReply, CreateResult, StoredJob } from "../../core/ports/store.js";
import type { ChangingFields, FixedFields, JobRecord } from "../../core/record.js";
import type { Row } from "./client.js";
import { decodeJob, numberOf, textOf } from "./codec.js";
import { type Column, encodeField, FIXED_COLUMNS, JOB_COLUMNS, PATCH_COLUMNS } from "./columns.js";
import { refKeysOf } from "./refs.js";
import { further, type Session } from "./session.js";
import { batch, CLOCK, rowsOf } from "./statement.js";
import { encodeText } from "./text.js";

type PlainField = keyof FixedFields | keyof Omit<ChangingFields, "history">;

const FIELDS = Object.entries({ ...FIXED_COLUMNS, ...PATCH_COLUMNS }) as readonly (readonly [
  PlainField,
  Column,
])[];

const NAMES = [...FIELDS.map(([, { name }]) => name), "ref_keys", "history", "input"].join(", ");

const COLUMNS = [
  ...FIELDS.map(([, { name, type }]) => `${name} ${type}`),
  "ref_keys text[]",
  "history text",
  "input text",
].join(", ");

/** A job of this id, or of this scope, is left as it is. Its row cannot be read here: the snapshot may be older. */
const insertStatement = (job: string): string =>
  `with ${CLOCK}, ${rowsOf(1, COLUMNS)}, ` +
  `stored as (insert into ${job} (${NAMES}) select ${NAMES} from w on conflict do nothing returning id) ` +
  "select clock.ms as now_ms, stored.id from clock left join stored on true";

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
  let left = items;
  let now = nowMs;
  for (let round = 0; left.length > 0 || round === 0; round += 1) {
    if (round === MAX_ROUNDS) throw contended(results.size > 0);
    const params = [encode(left)];
    const rows = await further(session, results.size > 0, () =>
      session.run(insertStatement(session.names.job), params, "writes"),
    );
    now = rows[0] === undefined ? now : numberOf(rows[0], "now_ms");
    for (const row of rows) if (row["id"] !== null) results.set(textOf(row, "id"), { status: "created" });
    left = left.filter((item) => !results.has(item.record.id));
    if (left.length === 0) break;
    const asked = left;
    const found = await further(session, results.size > 0, () => existing(session, asked));
    for (const [id, job] of found) results.set(id, { status: "existing", job });
    left = left.filter((item) => !results.has(item.record.id));
  }
  return { nowMs: now, results: items.map(({ record }) => results.get(record.id) ?? missing()) };
}

/** By scope, then as given: batches that share keys wait for each other in one order, and so never in a circle. */
function encode(items: readonly CreateItem[]): string {
  const ordered = [...items].sort((a, b) => compare(a.record.scope ?? "", b.record.scope ?? ""));
  return batch(ordered.map(({ record, input }) => ({ ...columnsOf(record), input })));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What is absent from an object is null in its row. */
function columnsOf(record: JobRecord): Record<string, unknown> {
  const columns: Record<string, unknown> = { history: record.history };
  for (const [field, column] of FIELDS) {
    const value = record[field];
    if (value !== null) columns[column.name] = encodeField(column, value);
  }
  if (record.awaiting !== null) columns["ref_keys"] = refKeysOf(record.awaiting);
  return columns;
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
