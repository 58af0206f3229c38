import type { StoredRow } from "../../../src/adapters/memory/store-semantics.js";
import { needs } from "../../../src/core/decide/wake.js";
import { decodeHistory, type HistoryEntry } from "../../../src/core/history.js";
import type { JobRecord, Snapshot } from "../../../src/core/record.js";
import { NOW, POLICY } from "./rules.js";
import { type Actor, actorsOf, type State } from "./state.js";

const LETTER = { PENDING: "P", QUEUED: "Q", PROCESSING: "R", COMPLETED: "C", FAILED: "F" } as const;

const histories = new Map<string, readonly HistoryEntry[]>();

/** Histories repeat from state to state: each is read once. */
function entriesOf({ history }: JobRecord): readonly HistoryEntry[] {
  let entries = histories.get(history);
  if (entries === undefined) {
    if (histories.size > 50_000) histories.clear();
    entries = decodeHistory(history);
    histories.set(history, entries);
  }
  return entries;
}

/** All that is past is alike: due. */
function instant(at: number | null): string {
  return at === null ? "-" : String(Math.max(0, at - NOW));
}

/**
 * A state as text; equal texts have equal futures. Left out is what no guard, decision or monitor asks for: names (only
 * who holds the same one counts), the distance between versions beyond 1, how often a dispatch was sent again, fences
 * (the monitors compare them step by step), entries that everybody has had and nobody has to recognise, and of an
 * outdated memory everything but what is done with it, since the store refuses whatever is decided on it.
 */
export function encode(state: State): string {
  const { row } = state;
  const actors = actorsOf(state);
  if (row === null)
    return `none|${actors.map((actor) => actor.at).join()}|${state.submitter.seen === null ? 0 : 1}`;
  const { record } = row;
  const scope: Scope = { state, row, entries: entriesOf(record), rank: new Map() };
  const had = Math.min(...[row, ...actors.map((actor) => actor.seen)].map((held) => cursorOf(held ?? row)));
  const held = new Set(actors.flatMap((actor) => actor.change ?? []));
  const kept = scope.entries.filter(
    (entry) => (record.notifiers.length > 0 && entry.version > had) || held.has(entry.transitionId),
  );
  rankVersions(scope, actors, kept);
  const group = (group: readonly Actor[]): string =>
    group
      .map((actor) => actorText(scope, actor))
      .sort()
      .join("&");
  const { release, notifierFails, rollback } = state.left;
  return [
    snapshotText(scope, row),
    state.backup === null ? "" : snapshotText(scope, state.backup),
    kept.map((entry) => version(scope, entry.version)).join(),
    [...new Set(state.queue.map((dispatch) => relative(scope, dispatch)))].join(),
    [...new Set(state.deadLetters.map((dispatch) => relative(scope, dispatch)))].sort().join(),
    actorText(scope, state.submitter),
    actorText(scope, state.canceller),
    actorText(scope, state.undertaker),
    group(state.workers),
    group(state.reconcilers),
    group(state.relays),
    version(scope, state.delivered),
    `${release}${notifierFails}${rollback}${state.rolledBack ? 1 : 0}`,
  ].join("|");
}

interface Scope {
  readonly state: State;
  readonly row: StoredRow;
  readonly entries: readonly HistoryEntry[];
  readonly rank: Map<number, number>;
}

function version({ rank }: Scope, at: number): string {
  return String(rank.get(at) ?? "?");
}

/** Older dispatches are alike: stale. */
function relative({ row }: Scope, dispatch: number): string {
  return String(Math.max(-1, dispatch - row.record.dispatch));
}

function actorText(scope: Scope, actor: Actor): string {
  if (actor.at === "idle" || actor.at === "gone") return actor.at;
  const { record } = scope.row;
  const { token, moved, message, seen } = actor;
  const holds =
    token === null ? "" : `${record.token === token ? "t" : ""}${record.poll?.token === token ? "p" : ""}`;
  const cursor =
    moved === null ? "" : `${version(scope, moved.upTo)}+${moved.attempts}@${instant(moved.retryAt)}`;
  const held = message === null ? "" : relative(scope, message);
  const memory = seen === null ? "" : seenText(scope, actor, seen);
  return `${actor.at}~${holds}~${held}~${actor.outcome ?? ""}~${cursor}~${actor.applied ? 1 : 0}~${memory}`;
}

/** What somebody remembers of the record. */
function seenText(scope: Scope, actor: Actor, seen: Snapshot): string {
  const { record } = scope.row;
  // A store that forgets can come back to an older version: nothing may be left out then.
  const forgets = scope.state.backup !== null || scope.state.rolledBack;
  const { change } = actor;
  const place =
    change === null ? undefined : scope.entries.find((entry) => entry.transitionId === change)?.version;
  const mine = place === undefined ? "" : place === seen.record.version + 1 ? "m" : "n";
  if (forgets) return `${mine}${snapshotText(scope, seen)}`;
  if (seen.record.version === record.version) {
    const lease = seen.record.leaseUntil === record.leaseUntil ? "" : `l${instant(seen.record.leaseUntil)}`;
    return `=${mine}${lease}${cursorText(scope, seen)}`;
  }
  switch (actor.at) {
    case "looks":
    case "publishes":
      return `${lookText(seen)}d${relative(scope, seen.record.dispatch)}${version(scope, seen.record.version)}${cursorText(scope, seen)}`;
    case "holds":
      return `${LETTER[seen.record.status]}${relative(scope, seen.record.dispatch)}`;
    default:
      return `old${mine}`;
  }
}

function lookText(seen: Snapshot): string {
  return needs(seen, POLICY)
    .map(({ reason, at }) => `${reason}${instant(at)}`)
    .join();
}

function cursorOf({ cursors }: Snapshot): number {
  return cursors["ui"]?.upTo ?? 0;
}

/** Versions by their order, keeping apart "the next one" and "a later one". */
function rankVersions(
  { state, row, rank }: Scope,
  actors: readonly Actor[],
  kept: readonly HistoryEntry[],
): void {
  const found = new Set<number>([0, state.delivered, ...kept.map((entry) => entry.version)]);
  const visit = (held: Snapshot | StoredRow | null): void => {
    if (held === null) return;
    found.add(held.record.version);
    found.add(cursorOf(held));
  };
  visit(row);
  visit(state.backup);
  for (const actor of actors) {
    visit(actor.seen);
    if (actor.moved !== null) found.add(actor.moved.upTo);
  }
  let before = 0;
  let at = 0;
  for (const each of [...found].sort((a, b) => a - b)) {
    at += Math.min(2, each - before);
    before = each;
    rank.set(each, at);
  }
}

function cursorText(scope: Scope, { cursors }: Snapshot): string {
  const cursor = cursors["ui"];
  return cursor === undefined
    ? ""
    : `k${version(scope, cursor.upTo)}+${cursor.attempts}@${instant(cursor.retryAt)}`;
}

function snapshotText(scope: Scope, snapshot: Snapshot): string {
  const { record } = snapshot;
  const { awaiting, poll, token } = record;
  const now = scope.row.record;
  const parts = [
    `${LETTER[record.status]}${version(scope, record.version)}d${relative(scope, record.dispatch)}a${record.attempt}`,
    `${record.releases}${record.redrives}${record.cancel === null ? "" : "c"}`,
    token === null ? "-" : token === now.token ? "t" : "o",
    ...[record.leaseUntil, record.readyAt, record.sendAt, record.wakeAt].map(instant),
    lookText(snapshot),
  ];
  if (awaiting !== null) parts.push(`w${instant(awaiting.nextPollAt)},${instant(awaiting.deadlineAt)}`);
  if (poll !== null) parts.push(`${poll.token === now.poll?.token ? "p" : "q"}${instant(poll.until)}`);
  return parts.join(" ") + cursorText(scope, snapshot);
}
