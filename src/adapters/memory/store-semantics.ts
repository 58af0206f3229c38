// What every store does to one job, as pure functions: the port's contract in code. The memory store is built on them, an
// exhaustive search runs the same ones over millions of states, and `waybill/store-kit` offers them to other stores. A
// function that changes nothing returns the row given; none changes what it is given.
import { fillTemplate, joinHistory } from "../../core/job/history.js";
import type {
  AdvanceItem,
  AdvanceResult,
  PlannedOn,
  BeatItem,
  BeatResult,
  ClaimByMessage,
  ClaimNext,
  ClaimResult,
  ClaimTerms,
  StoredJob,
  WriteGuard,
  WriteItem,
  WriteResult,
} from "../../core/ports/store.js";
import {
  type Cursor,
  type Cursors,
  type JobRecord,
  isBehind,
  mergeCursor,
  START,
} from "../../core/job/record.js";

/** All that is stored of one job. */
export interface StoredRow {
  readonly record: JobRecord;
  readonly cursors: Cursors;
  /** JSON text. */
  readonly input: string;
  /** JSON text; `null`: none was written. */
  readonly output: string | null;
}

/**
 * What is stored afterwards, and the answer. The very row that was given: nothing is to be written. A new row shares parts
 * with the old one and with the item, so a store that keeps objects copies before it keeps.
 */
export interface Applied<R> {
  readonly row: StoredRow;
  readonly result: R;
}

/**
 * A `write` of one item: `refused` unless its whole guard holds; else patch, history, lease and output, all together.
 *
 * @param nowMs - by the clock that the store decides by: a sweep's lease must have passed, a new lease counts from here
 */
export function applyWrite(row: StoredRow, item: WriteItem, nowMs: number): Applied<WriteResult> {
  if (!guardHolds(row.record, item.guard, nowMs))
    return { row, result: { status: "refused", job: hotPart(row) } };
  const { history, leaseMs } = item;
  const changed = {
    ...row.record,
    ...item.patch,
    history: "append" in history ? joinHistory(row.record.history, history.append) : history.replace,
  };
  const output = item.output ?? row.output;
  if (leaseMs === undefined) return { row: { ...row, record: changed, output }, result: { status: "ok" } };
  const leaseUntil = nowMs + leaseMs;
  return {
    row: { ...row, record: { ...changed, leaseUntil }, output },
    result: { status: "ok", leaseUntil },
  };
}

function guardHolds(record: JobRecord, guard: WriteGuard, nowMs: number): boolean {
  if (record.status !== guard.status) return false;
  if (record.version !== guard.version) return false;
  if (record.token !== guard.token) return false;
  if (guard.dispatch !== undefined && record.dispatch !== guard.dispatch) return false;
  return guard.expiredLease === undefined || leaseExpired(record, guard.expiredLease, nowMs);
}

/** The lease is still the one that was observed, and it has passed: a beat in between keeps the job. */
function leaseExpired(record: JobRecord, observed: number, nowMs: number): boolean {
  if (record.leaseUntil !== observed) return false;
  return observed <= nowMs;
}

/**
 * A `beat` of one item: the lease ends `leaseMs` after `nowMs`, and nothing else changes. A lease that has passed is revived
 * as long as nobody took the job. `refused` unless the job is PROCESSING under this token and awaits nothing outside.
 */
export function applyBeat(row: StoredRow, item: BeatItem, nowMs: number): Applied<BeatResult> {
  const { record } = row;
  if (record.status !== "PROCESSING" || record.token !== item.token || record.awaiting !== null) {
    return { row, result: { status: "refused", job: hotPart(row) } };
  }
  const leaseUntil = nowMs + item.leaseMs;
  return {
    row: { ...row, record: { ...record, leaseUntil } },
    result: { status: "ok", leaseUntil, version: record.version, cancelRequested: record.cancel !== null },
  };
}

/**
 * A `claim` of one job by its message, answered with its input. Under the token that holds it already it is `ok` without a
 * change, for a worker that never heard the first answer. `refused` where the message is stale, the job is not to be claimed
 * (yet), or its record is of a newer format.
 */
export function applyClaimByMessage(
  row: StoredRow,
  item: ClaimByMessage,
  terms: ClaimTerms,
  nowMs: number,
): Applied<ClaimResult> {
  if (isHeldBy(row.record, item.token)) return { row, result: { status: "ok", job: withInput(row) } };
  if (!claimableByMessage(row.record, item, terms, nowMs)) {
    return { row, result: { status: "refused", job: hotPart(row) } };
  }
  const claimed = { ...row, record: claim(row.record, item, terms, nowMs) };
  return { row: claimed, result: { status: "ok", job: withInput(claimed) } };
}

function claimableByMessage(
  record: JobRecord,
  item: ClaimByMessage,
  terms: ClaimTerms,
  nowMs: number,
): boolean {
  if (record.recordVersion > terms.recordVersion) return false;
  // An older dispatch was recalled: its message is stale.
  if (item.dispatch < record.dispatch) return false;
  if (record.status === "QUEUED") return true;
  return record.status === "PENDING" && record.sendAt !== null && record.sendAt <= nowMs;
}

/**
 * One job of a `claim` of the next ready ones, answered with its input; `null`: it is not ready by `nowMs`, of another kind or
 * of a newer record format. The order, the limit and what the token holds already (`isHeldBy`) are the store's affair.
 */
export function applyClaimNext(row: StoredRow, next: ClaimNext, nowMs: number): Applied<StoredJob | null> {
  const { record } = row;
  const kind = next.kinds.find((wanted) => wanted.kind === record.kind);
  if (kind === undefined || !isReady(record, nowMs) || record.recordVersion > next.terms.recordVersion) {
    return { row, result: null };
  }
  const terms = { dispatch: record.dispatch, token: next.token, leaseMs: kind.leaseMs };
  const claimed = { ...row, record: claim(record, terms, next.terms, nowMs) };
  return { row: claimed, result: withInput(claimed) };
}

/** Whether a claim is held under this token, so that asking again is answered by it. */
export function isHeldBy(record: JobRecord, token: string): boolean {
  return record.status === "PROCESSING" && record.token === token;
}

function isReady(record: JobRecord, nowMs: number): boolean {
  const at = readyInstant(record);
  return at !== null && at <= nowMs;
}

/** Since when a job of the store's own queue can be claimed: the key of the ready index. `null`: not in it. */
export function readyInstant(record: JobRecord): number | null {
  return record.status === "QUEUED" && record.queue === null ? record.readyAt : null;
}

function claim(
  record: JobRecord,
  item: Pick<ClaimByMessage, "dispatch" | "token" | "leaseMs">,
  terms: ClaimTerms,
  nowMs: number,
): JobRecord {
  const { version, attempt } = record;
  const pending = record.status === "PENDING";
  const before = pending ? fillTemplate(terms.queued, version + 1, nowMs, attempt) : "";
  const claimedVersion = version + (pending ? 2 : 1);
  const started = fillTemplate(terms.started, claimedVersion, nowMs, attempt + 1);
  const leaseUntil = nowMs + item.leaseMs;
  const notifyAt = record.notifiers.length > 0 ? nowMs + terms.notifyGraceMs : Infinity;
  return {
    ...record,
    status: "PROCESSING",
    version: claimedVersion,
    // A message may be ahead of a record that lost writes; it never falls back.
    dispatch: Math.max(record.dispatch, item.dispatch),
    fence: record.fence + 1,
    attempt: attempt + 1,
    token: item.token,
    worker: terms.worker,
    leaseUntil,
    startedAt: record.startedAt ?? nowMs,
    queuedAt: record.queuedAt ?? nowMs,
    readyAt: null,
    sendAt: null,
    retryAt: null,
    updatedAt: nowMs,
    wakeAt: Math.min(leaseUntil, record.deadlineAt ?? Infinity, notifyAt),
    history: joinHistory(record.history, joinHistory(before, started)),
  };
}

/**
 * `takeDue` of one job: its wake-up, if it has come by `nowMs`, is postponed to `nowMs` + `holdMs` and never cleared. The
 * answer is the instant as it was (`dueAt`); `null`: not due.
 */
export function applyTakeDue(row: StoredRow, holdMs: number, nowMs: number): Applied<number | null> {
  const dueAt = row.record.wakeAt;
  if (dueAt === null || dueAt > nowMs) return { row, result: null };
  return { row: { ...row, record: { ...row.record, wakeAt: nowMs + holdMs } }, result: dueAt };
}

/**
 * An `advance` of one item: cursors only move up; wake-up and purge instant are written only on the record and the cursors that
 * they were planned on, else a stored wake-up is at most brought forward. Never refused here.
 */
export function applyAdvance(row: StoredRow, item: AdvanceItem): Applied<AdvanceResult> {
  const cursors = mergeCursors(row.cursors, item.cursors);
  if (isPlannedOn(row.record, item.plannedOn) && !isPlannedOnOldNews(row.cursors, item.cursors)) {
    const record = { ...row.record, wakeAt: item.wakeAt, purgeAt: item.purgeAt };
    return { row: { ...row, record, cursors }, result: { status: "ok", wake: "written", cursors } };
  }
  const { wakeAt } = row.record;
  const record =
    wakeAt !== null && wakeAt > item.latestWakeAt ? { ...row.record, wakeAt: item.latestWakeAt } : row.record;
  return { row: { ...row, record, cursors }, result: { status: "ok", wake: "kept", cursors } };
}

function isPlannedOn(record: JobRecord, { status, version, token }: PlannedOn): boolean {
  return record.version === version && record.status === status && record.token === token;
}

function isPlannedOnOldNews(stored: Cursors, given: Cursors): boolean {
  return Object.entries(given).some(([name, cursor]) => isBehind(cursor, cursorOf(stored, name)));
}

function mergeCursors(stored: Cursors, given: Cursors): Cursors {
  const merged = Object.entries(given).map(([name, cursor]): [string, Cursor] => [
    name,
    mergeCursor(cursorOf(stored, name), cursor),
  ]);
  // fromEntries defines own keys: a notifier named __proto__ is a name like any other.
  return { ...stored, ...Object.fromEntries(merged) };
}

function cursorOf(cursors: Cursors, name: string): Cursor {
  return Object.hasOwn(cursors, name) ? (cursors[name] ?? START) : START;
}

/** A job as most answers carry it: record and cursors. */
export function hotPart({ record, cursors }: StoredRow): StoredJob {
  return { record, cursors };
}

/** A job as an accepted claim answers it: with its input. */
export function withInput({ record, cursors, input }: StoredRow): StoredJob {
  return { record, cursors, input };
}
