import type { StoredRow } from "../../../src/adapters/memory/store-semantics.js";
import type { Cursor, Cursors, JobRecord, Snapshot } from "../../../src/core/job/record.js";
import { NOW } from "./rules.js";
import { type Actor, actorsOf, type State } from "./state.js";

/** Instants further back than this are all alike: past, whatever grace is added to them. */
const LONG_MS = 3;
const LONG_AGO = NOW - LONG_MS;

function moved<T extends number | null>(instant: T): T {
  return (instant === null ? null : Math.max(LONG_AGO, instant - 1)) as T;
}

const records = new WeakMap<JobRecord, JobRecord>();
const cursorMaps = new WeakMap<Cursors, Cursors>();
const snapshots = new WeakMap<Snapshot, Snapshot>();

/** Every instant of a record one tick nearer. */
function later(record: JobRecord): JobRecord {
  const known = records.get(record);
  if (known !== undefined) return known;
  const { awaiting, poll } = record;
  const result: JobRecord = {
    ...record,
    updatedAt: moved(record.updatedAt),
    leaseUntil: moved(record.leaseUntil),
    readyAt: moved(record.readyAt),
    sendAt: moved(record.sendAt),
    retryAt: moved(record.retryAt),
    deadlineAt: moved(record.deadlineAt),
    wakeAt: moved(record.wakeAt),
    awaiting: awaiting && {
      ...awaiting,
      nextPollAt: moved(awaiting.nextPollAt),
      deadlineAt: moved(awaiting.deadlineAt),
    },
    poll: poll && { ...poll, until: moved(poll.until) },
  };
  records.set(record, result);
  return result;
}

function laterCursors(cursors: Cursors): Cursors {
  let result = cursorMaps.get(cursors);
  if (result === undefined) {
    result = Object.fromEntries(Object.entries(cursors).map(([name, cursor]) => [name, laterCursor(cursor)]));
    cursorMaps.set(cursors, result);
  }
  return result;
}

function laterCursor(cursor: Cursor): Cursor {
  return { ...cursor, since: moved(cursor.since), retryAt: moved(cursor.retryAt) };
}

function laterSnapshot(snapshot: Snapshot): Snapshot {
  let result = snapshots.get(snapshot);
  if (result === undefined) {
    result = { record: later(snapshot.record), cursors: laterCursors(snapshot.cursors) };
    snapshots.set(snapshot, result);
  }
  return result;
}

function laterRow(row: StoredRow | null): StoredRow | null {
  return row && { ...row, record: later(row.record), cursors: laterCursors(row.cursors) };
}

function laterActor(actor: Actor): Actor {
  if (actor.seen === null && actor.moved === null) return actor;
  return {
    ...actor,
    seen: actor.seen && laterSnapshot(actor.seen),
    moved: actor.moved && laterCursor(actor.moved),
  };
}

/** One tick: every instant comes nearer, in the store and in what anybody remembers. */
export function tick(state: State): State {
  return {
    ...state,
    row: laterRow(state.row),
    backup: laterRow(state.backup),
    submitter: laterActor(state.submitter),
    canceller: laterActor(state.canceller),
    undertaker: laterActor(state.undertaker),
    workers: state.workers.map(laterActor),
    reconcilers: state.reconcilers.map(laterActor),
    relays: state.relays.map(laterActor),
  };
}

/** Whether a tick would change anything but how long ago something was. */
export function timeMatters(state: State): boolean {
  const { row, backup } = state;
  if ((row !== null && isAhead(row)) || (backup !== null && isAhead(backup))) return true;
  return actorsOf(state).some(
    ({ seen, moved }) =>
      (seen !== null && isAhead(seen)) || (moved !== null && moved.retryAt !== null && moved.retryAt > NOW),
  );
}

function isAhead({ record, cursors }: Snapshot): boolean {
  const { leaseUntil, readyAt, sendAt, wakeAt, deadlineAt, updatedAt, awaiting, poll } = record;
  const instants = [leaseUntil, readyAt, sendAt, wakeAt, deadlineAt, updatedAt + 1];
  instants.push(awaiting?.nextPollAt ?? null, awaiting?.deadlineAt ?? null, poll?.until ?? null);
  // How long a cursor fails already counts as long as it makes a difference.
  for (const { retryAt, since } of Object.values(cursors))
    instants.push(retryAt, since === null ? null : since + LONG_MS);
  return instants.some((instant) => instant !== null && instant > NOW);
}
