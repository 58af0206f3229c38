/** A guard that nothing can be seen of when it is taken out, and why. */
export interface Equivalent {
  /** Its key, or what the keys of all of a sort look like. */
  readonly guard: string | RegExp;
  readonly reason: string;
}

export function matches({ guard }: Equivalent, key: string): boolean {
  return typeof guard === "string" ? guard === key : guard.test(key);
}

const TWICE = "The index that is asked and the row itself are looked at alike: either alone keeps it.";
const UNDER_NULL =
  "Nothing is ever looked for under null, so what is kept or removed there makes no difference.";
const SAVES_WORK = "What is done is the same; it is only done where nothing has changed too.";
const IN_STEP = "Rows and indexes change together: an index names no row that is not there.";

const MEMORY: readonly Equivalent[] = [
  { guard: "store-semantics.ts: kind === undefined → false", reason: TWICE },
  { guard: "store-semantics.ts: !isReady(record, nowMs) → false", reason: TWICE },
  { guard: /^store-semantics\.ts: at (!== null|<= nowMs) → true$/, reason: TWICE },
  { guard: /^store-semantics\.ts: dueAt (=== null|> nowMs) → false$/, reason: TWICE },
  { guard: "store.ts: dueAt === null → false", reason: TWICE },
  { guard: /^store-queries\.ts: first\.at > nowMs( #2)? → false$/, reason: TWICE },
  { guard: "store-semantics.ts: wakeAt !== null → true", reason: "Null is later than nothing." },
  { guard: "store.ts: record.scope === null → false", reason: UNDER_NULL },
  { guard: /^store-table\.ts: record\.(scope|subject) !== null( #2)? → true$/, reason: UNDER_NULL },
  { guard: "store-table.ts: before !== null #2 → true", reason: UNDER_NULL },
  { guard: "store-table.ts: after === null #2 → false", reason: UNDER_NULL },
  { guard: "store-table.ts: id === undefined → false", reason: UNDER_NULL },
  { guard: "store.ts: row !== undefined → true", reason: IN_STEP },
  { guard: /^store-queries\.ts: row !== undefined( #2)? → true$/, reason: IN_STEP },
  {
    guard: "store-queries.ts: first === null #3 → false",
    reason: "Where there is no first there is no row of it, and the row is asked for beside it.",
  },
  {
    guard: /^store-queries\.ts: (request\.undeliverable !== true|hasGivenUp\(cursors\)) → true$/,
    reason: "What is undeliverable is listed by an index that holds nothing else.",
  },
  { guard: /^store-table\.ts: (after === before|before === after) → false$/, reason: SAVES_WORK },
  {
    guard: "store-table.ts: before?.record.awaiting !== after?.record.awaiting → true",
    reason: SAVES_WORK,
  },
  { guard: "store-table.ts: gaveUp → true", reason: "What is not in an index can be taken out of it." },
  { guard: "store-table.ts: held?.size === 0 → false", reason: "An empty set holds as much as none." },
];

const SKIPS_NOTHING =
  "A kind of which nothing is ready adds no instant to the least: it only keeps the walk in its index.";

const SQLITE: readonly Equivalent[] = [
  {
    guard: "begin ⟦immediate⟧",
    reason:
      "A transaction that begins without the lock takes it at its first write; where another one has committed since it " +
      "read, SQLite refuses that write as busy, and the store rolls back and begins again. It is only later.",
  },
  {
    guard: "select seq, kind, ready_at, id from waybill_job limit ⟦?⟧",
    reason: "The store takes no more than the limit of what it is answered: it only keeps the answer short.",
  },
  { guard: "kinds: select min(…) from waybill_job where ⟦ready_at is not null⟧", reason: SKIPS_NOTHING },
  {
    guard:
      "kinds: select  › select min(…) from waybill_job where ⟦ready_at is not null⟧ and kind > kinds.kind",
    reason: SKIPS_NOTHING,
  },
  {
    guard: "select min(…) from waybill_job where ⟦waybill_job.kind = kinds.kind⟧ and ready_at <= ?",
    reason:
      "The least over the kinds of the least of each is the least of all: it only keeps each look-up in its index.",
  },
  {
    guard: "select min(…) as at from kinds where ⟦kind is not null⟧",
    reason: "No job is of no kind, so the last row of the walk adds nothing.",
  },
];

const ONE_ROW = "A key has one row: the limit tells the planner so, and nothing else.";
const LANE =
  "Every row of such a batch has lane 0: the condition makes the planner look each job up by its key.";
const IMPLIED = "What is not there is not earlier than now either: it only lets the partial index be used.";
const NOT_SHOWN = "A refusal is decoded without the input: the condition only keeps it from being sent.";
const ALWAYS_GIVEN = "A cursor that is given has both numbers; only what is stored may lack one.";
const NULL_IS_NOT_LESS =
  "A comparison with null holds no more than one with 0 does: no place, attempt or instant is less than 0.";

const POSTGRES: readonly Equivalent[] = [
  { guard: /^select clock.* › select job limit ⟦1⟧$/, reason: ONE_ROW },
  {
    guard: /^(taken|moved|beaten|postponed|purged): (update|delete) job where ⟦[wp]\.lane = #⟧ and /,
    reason: LANE,
  },
  { guard: /⟦j\.ready_at is not null⟧.* and j\.ready_at <= /, reason: IMPLIED },
  {
    guard: "page: select id, created_at from seen limit ⟦$::text::bigint⟧",
    reason: "The store takes no more than the limit of what it is answered: it only keeps the answer short.",
  },
  {
    guard: "taken: set dispatch: greatest (⟦j.dispatch⟧, w.dispatch)",
    reason: "The condition beside it lets no dispatch through that is lower than the stored one.",
  },
  {
    guard:
      /› case +when (⟦j\.status = 'PROCESSING' and j\.token = w\.token⟧ always|⟦j\.status = 'PROCESSING'⟧ and .*|.* and ⟦j\.token = w\.token⟧)$/,
    reason: NOT_SHOWN,
  },
  {
    guard:
      "select clock.ms as now_ms, r.* from clock › select 'false', w.id, s.* from w where ⟦w.id not in (select …)⟧",
    reason:
      "A job that was just claimed is then shown as it was before, which is as one refused by a row that is not shown: it " +
      "is asked for again, and answered by its token. It is one more trip.",
  },
  {
    guard: /^moved: .*coalesce \(\(given\.value ->> '(upTo|attempts)'\)::bigint, ⟦0⟧\)$/,
    reason: ALWAYS_GIVEN,
  },
  {
    guard:
      /^moved: (set (wake_at|purge_at): |returning )coalesce \(\(given\.value ->> 'retryAt'\)::bigint, ⟦0⟧\)$/,
    reason: NULL_IS_NOT_LESS,
  },
  {
    guard:
      /^moved: (set (wake_at|purge_at): |returning )coalesce \(\(j\.cursors -> given\.key ->> '(upTo|attempts)'\)::bigint, ⟦0⟧\)$/,
    reason: NULL_IS_NOT_LESS,
  },
  {
    guard: "select clock › select job where j.id = w.id and ⟦beaten.id is null⟧",
    reason: "What was beaten is told first, and the row beside it is not read: it only saves the look-up.",
  },
  {
    guard: "free: greatest (⟦0⟧, t.n - (select …))",
    reason: "No more is read of what is held than is asked for: nothing is left, and never less.",
  },
  {
    guard: /^quota: .* and ⟦j\.ready_at <= \(select …\)⟧ and /,
    reason: "What is not ready yet comes behind all that is; it is counted in vain, and not picked.",
  },
  {
    guard: /^quota: .* › select j\.ready_at, j\.id from job limit ⟦\(select n from free\)⟧$/,
    reason: "The limit around it keeps as many: no kind is only read further than is taken.",
  },
  {
    guard: /› select null where ⟦false⟧$/,
    reason: "It stands in a statement for no item at all.",
  },
  {
    guard:
      /^kinds: select (kind|› select j\.kind| › select j\.kind) from job where .*⟦(j\.)?(status = 'QUEUED'|queue is null|ready_at is not null)⟧/,
    reason: SKIPS_NOTHING,
  },
  {
    guard: "kinds: select kind from job limit ⟦1⟧",
    reason: "The walk then begins at every job, and comes to the same kinds.",
  },
  { guard: /^coalesce \((\(select …\)|max\(version\)), ⟦0⟧\)$/, reason: "The store reads null as 0." },
  {
    guard: /› select min\(…\) from job where ⟦j\.kind = kinds\.kind⟧ and /,
    reason:
      "The least over the kinds of the least of each is the least of all: it only keeps each look-up in its index.",
  },
  {
    guard: /› select min\(…\) from job where .*⟦ready_at is not null⟧ and ready_at <= /,
    reason: IMPLIED,
  },
  {
    guard: /› select min\(…\) from kinds where ⟦kinds\.kind is not null⟧$/,
    reason: "No job is of no kind, so the last row of the walk adds nothing.",
  },
  {
    guard: /^seen: coalesce \(j\.(owner|subject) = \$::text, ⟦false⟧\)$/,
    reason: "What is neither is not wanted either: a condition that is null lets nothing through.",
  },
  {
    guard: "picked: select j.id, (…) as lane from job order by j.purge_at, ⟦j.id⟧",
    reason: "Of those that were kept to one instant any may go first.",
  },
];

export const EQUIVALENT: Readonly<Record<"memory" | "sqlite" | "postgres", readonly Equivalent[]>> = {
  memory: MEMORY,
  sqlite: SQLITE,
  postgres: POSTGRES,
};
