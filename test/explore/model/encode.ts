import { needs } from "../../../src/core/decide/change/wake.js";
import { decodeHistory } from "../../../src/core/job/history.js";
import { isFinal } from "../../../src/core/job/lifecycle.js";
import type { Cursor, Cursors, JobRecord, Snapshot } from "../../../src/core/job/record.js";
import { NOW, POLICY } from "./rules.js";
import { type Actor, actorsOf, type State } from "./state.js";
import type { World } from "./world.js";

const LETTER = {
  PENDING: "P",
  QUEUED: "Q",
  PROCESSING: "R",
  COMPLETED: "C",
  FAILED: "F",
} as const;

/** What the texts of one state refer to. */
interface Scope {
  readonly state: State;
  readonly row: Snapshot;
  readonly kept: number[];
  readonly trims: boolean;
  /** Versions that anybody compares, rising, and each one's rank. */
  readonly versions: number[];
  readonly ranks: number[];
  /** Tokens that count; kept only where the store forgets and an old token can be current again. */
  readonly tokens: string[] | null;
  /** The job is final and stays so: no dispatch, token or outcome makes a difference any more. */
  readonly ended: boolean;
  /** Below this version nobody's memory can be accepted again. */
  readonly floor: number;
}

/**
 * A state as text; equal texts have equal futures. Left out is what no guard, decision or monitor asks for: names (only
 * who holds the same one counts), the distance between versions beyond 1, how often a dispatch was sent again, fences
 * (the monitors compare them step by step), entries that everybody has had and nobody has to recognise, and of an
 * outdated memory everything but what is done with it, since the store refuses whatever is decided on it.
 */
export class Encoder {
  /** The snapshots of the state whose steps are taken, and their texts: most of them are those of the next states too. */
  readonly #known: Snapshot[] = [];
  readonly #texts: string[] = [];
  readonly #trims: boolean;

  constructor({ rules }: Pick<World, "rules">) {
    this.#trims = rules.trims;
  }

  /** The states to come are steps from this one. */
  expand({ row, backup, ...state }: State): void {
    this.#known.length = 0;
    this.#texts.length = 0;
    this.#remember(row);
    this.#remember(backup);
    for (const { seen } of actorsOf({ row, backup, ...state })) this.#remember(seen);
  }

  encode(state: State): string {
    const { row } = state;
    if (row === null) return withoutRow(state);
    const actors = actorsOf(state);
    const scope = scopeOf(state, row, actors, this.#trims);
    const { release, notifierFails, resend } = state.left;
    const { notifiers } = row.record;
    let text = `${this.#snapshot(scope, row)}|`;
    if (state.backup !== null) text += this.#snapshot(scope, state.backup);
    for (const each of scope.kept) text += `,${version(scope, each)}`;
    text += `|${dispatches(scope, state.queue)}|${dispatches(scope, state.deadLetters)}|`;
    text += `${this.#actor(scope, state.submitter)}|${this.#actor(scope, state.canceller)}|`;
    text += `${this.#actor(scope, state.undertaker)}|${this.#group(scope, state.workers)}|`;
    text += `${this.#group(scope, state.reconcilers)}|${this.#group(scope, state.relays)}|`;
    if (notifiers.length > 0)
      text += `${row.record.historyTrimmed + versionsOf(row).length - state.delivered}`;
    if (row.record.historyTrimmed > 0) text += "x";
    return `${text}|${release}${notifierFails}${resend ?? ""}${state.rolledBack ? 1 : 0}`;
  }

  #remember(snapshot: Snapshot | null): void {
    if (snapshot === null) return;
    this.#known.push(snapshot);
    this.#texts.push(bodyText(snapshot));
  }

  #body(snapshot: Snapshot): string {
    const { record, cursors } = snapshot;
    for (let at = 0; at < this.#known.length; at += 1) {
      const known = this.#known[at]!;
      if (known.record === record && known.cursors === cursors) return this.#texts[at]!;
    }
    return bodyText(snapshot);
  }

  #group(scope: Scope, group: readonly Actor[]): string {
    if (group.length === 1) return this.#actor(scope, group[0]!);
    return group
      .map((actor) => this.#actor(scope, actor))
      .sort()
      .join("&");
  }

  #actor(scope: Scope, actor: Actor): string {
    const { at } = actor;
    if (at === "idle" || at === "gone") return at === "idle" ? "i" : "g";
    // Asked again, it is answered by what is stored, whatever became of that.
    if (actor === scope.state.submitter && at === "unsure") return at;
    const { record } = scope.row;
    const { token, moved, message, seen } = actor;
    let text = at;
    if (token !== null && !scope.ended) {
      text += record.token === token ? "~t" : record.poll?.token === token ? "~p" : "~";
      if (scope.tokens !== null) text += tokenText(scope.tokens, token);
    }
    if (message !== null) text += `~${relative(scope, message)}`;
    // Of a claim that is over, no outcome is accepted.
    const counts = record.token === token || scope.tokens !== null;
    if (actor.outcome !== null && counts && !scope.ended) text += `~${actor.outcome}`;
    if (moved !== null) text += `~${placeText(scope, moved)}`;
    if (seen !== null) text += `~${this.#seen(scope, actor, seen)}`;
    return actor.applied ? `${text}!` : text;
  }

  /** What somebody remembers of the record. */
  #seen(scope: Scope, actor: Actor, seen: Snapshot): string {
    const { record } = scope.row;
    const mine = mark(scope, actor, seen);
    // A store that forgets can come back to an older version: nothing may be left out then.
    if (scope.tokens !== null && seen.record.version >= scope.floor)
      return mine + this.#snapshot(scope, seen);
    if (scope.tokens === null && seen.record.version === record.version) {
      const lease = seen.record.leaseUntil === record.leaseUntil ? "" : `l${instant(seen.record.leaseUntil)}`;
      return `=${mine}${lease}${cursorText(scope, seen.cursors)}`;
    }
    switch (actor.at) {
      case "looks":
        return oldNeedsText(scope, seen);
      case "publishes":
        return `${version(scope, seen.record.version)}${cursorText(scope, seen.cursors)}`;
      case "asking":
        return `old${mine}${seen.record.cancel === null && !isFinal(seen.record.status) ? "" : "c"}`;
      case "holds":
        return isAwaited(seen, actor.message) ? "a" : "";
      default:
        return this.#trims ? `old${mine}${version(scope, seen.record.version)}` : `old${mine}`;
    }
  }

  #snapshot(scope: Scope, snapshot: Snapshot): string {
    const { record, cursors } = snapshot;
    const { poll, token } = record;
    const now = scope.row.record;
    let text = `${version(scope, record.version)}d${relative(scope, record.dispatch)}`;
    text += token === null ? "-" : token === now.token ? "t" : "o";
    if (token !== null && scope.tokens !== null) text += tokenText(scope.tokens, token);
    if (poll !== null) text += poll.token === now.poll?.token ? "p" : "q";
    return text + this.#body(snapshot) + cursorText(scope, cursors);
  }
}

/** Whether a dead letter is of the dispatch that a job waits for. */
function isAwaited({ record }: Snapshot, dispatch: number | null): boolean {
  return (record.status === "PENDING" || record.status === "QUEUED") && record.dispatch === dispatch;
}

/** What somebody who took an old record will do: send, publish, or be refused, and when. */
function oldNeedsText(scope: Scope, seen: Snapshot): string {
  let text = "";
  let refused = Number.POSITIVE_INFINITY;
  for (const { reason, at } of needs(seen, POLICY)) {
    if (reason === "send") text += `s${instant(at)}d${relative(scope, seen.record.dispatch)}`;
    else if (reason === "notify") {
      text += `n${instant(at)}v${version(scope, seen.record.version)}${cursorText(scope, seen.cursors)}`;
    } else refused = Math.min(refused, at);
  }
  return refused === Number.POSITIVE_INFINITY ? text : `${text}r${instant(refused)}`;
}

/** What is left to tell once nothing is stored: not yet, or not any more. */
function withoutRow({ submitter, ...state }: State): string {
  if (!state.gone) return `${submitter.at}${submitter.seen === null ? 0 : 1}${state.canceller.at}`;
  const actors = actorsOf({ submitter, ...state }).map(({ at, message, applied, seen }) => {
    // Whatever else is decided meets no record; a message can still be sent.
    const due = seen === null || at !== "looks" ? "" : needsText(seen);
    return `${at}${message === null ? "" : "m"}${applied ? "!" : ""}${due}`;
  });
  const [first = "", canceller = "", undertaker = "", ...others] = actors;
  const waiting = `${Math.sign(state.queue.length)}${Math.sign(state.deadLetters.length)}`;
  return `gone|${first}|${canceller}|${undertaker}|${others.sort().join("&")}|${waiting}`;
}

function scopeOf(state: State, row: Snapshot, actors: readonly Actor[], trims: boolean): Scope {
  const { backup } = state;
  const forgets = backup !== null || state.rolledBack;
  const scope: Scope = {
    state,
    row,
    trims,
    versions: [0],
    ranks: [0],
    tokens: forgets ? [] : null,
    kept: [],
    ended: isFinal(row.record.status) && backup === null,
    floor: Math.min(row.record.version, backup?.record.version ?? row.record.version),
  };
  if (scope.tokens !== null) nameTokens(scope.tokens, state, actors);
  scope.kept.push(...(trims ? versionsOf(row) : keptOf(scope, actors)));
  rankVersions(scope, actors);
  return scope;
}

/** Most steps leave the record as it is: its entries are read once. */
let last: { readonly history: string; readonly versions: readonly number[] } = {
  history: "",
  versions: [],
};

function versionsOf({ record: { history } }: Snapshot): readonly number[] {
  if (last.history !== history) {
    last = {
      history,
      versions: decodeHistory(history).map((entry) => entry.version),
    };
  }
  return last.versions;
}

/** The versions of entries that a notifier, as somebody remembers it, has still to have. */
function keptOf(scope: Scope, actors: readonly Actor[]): readonly number[] {
  const { row } = scope;
  if (row.record.notifiers.length === 0) return [];
  let had = cursorOf(row.cursors);
  for (const { seen, at } of actors) {
    if (seen !== null && isCompared(scope, at, seen)) had = Math.min(had, cursorOf(seen.cursors));
  }
  return versionsOf(row).filter((version) => version > had);
}

/** Where the change of an actor is stored. The submitter's is the first entry: it need not be looked for. */
function ownVersion({ history }: JobRecord, { change, at }: Actor): number | null {
  if (change === null || at === "unsure" || at === "created" || at === "sent") return null;
  return versionOfChange(history, change);
}

/** The version of the first entry of a change, found in the text: most histories need not be parsed for it. */
function versionOfChange(history: string, change: string): number | null {
  const at = history.indexOf(`"${change}"`);
  return at < 0 ? null : Number.parseInt(history.slice(history.lastIndexOf("[", at) + 1), 10);
}

/** Versions that are compared, by their order. */
function rankVersions(scope: Scope, actors: readonly Actor[]): void {
  const { versions, ranks, row, state } = scope;
  addVersions(versions, row);
  if (state.backup !== null) addVersions(versions, state.backup);
  for (const { seen, moved, at } of actors) {
    if (seen !== null && seen !== row && isCompared(scope, at, seen)) addVersions(versions, seen);
    if (moved !== null) versions.push(moved.upTo);
  }
  versions.push(...scope.kept);
  // Where the store forgets, versions are reached again: each step counts. Where entries are trimmed, "the next one" does.
  const most = scope.tokens !== null ? Number.POSITIVE_INFINITY : scope.trims ? 2 : 1;
  versions.sort((a, b) => a - b);
  for (let at = 1; at < versions.length; at += 1) {
    ranks.push(ranks[at - 1]! + Math.min(most, versions[at]! - versions[at - 1]!));
  }
}

function addVersions(versions: number[], { record, cursors }: Snapshot): void {
  versions.push(record.version);
  const cursor = cursors["ui"];
  if (cursor !== undefined) versions.push(cursor.upTo);
}

/** Whether more than "outdated" is told of a memory. */
function isCompared({ row, tokens, floor, trims }: Scope, at: string, { record }: Snapshot): boolean {
  if (trims || (tokens !== null && record.version >= floor)) return true;
  return record.version === row.record.version || at === "looks" || at === "publishes";
}

/** Whether the entry behind what it saw is its own, or another place has it. */
function mark({ row }: Scope, actor: Actor, seen: Snapshot): string {
  const place = ownVersion(row.record, actor);
  return place === null ? "" : place === seen.record.version + 1 ? "m" : "n";
}

function version({ versions, ranks }: Scope, at: number): string {
  const place = versions.indexOf(at);
  return place < 0 ? "?" : ranks[place]!.toString(36);
}

/** Older dispatches are alike: stale. */
function relative({ row, ended }: Scope, dispatch: number): number {
  return ended ? 0 : Math.max(-1, dispatch - row.record.dispatch);
}

function dispatches(scope: Scope, list: readonly number[]): string {
  if (list.length === 0) return "";
  if (list.length === 1) return String(relative(scope, list[0]!));
  return list.map((dispatch) => relative(scope, dispatch)).join();
}

/** Names those that the store has or goes back to, and those that two remember. Of any other it only counts that it is one. */
function nameTokens(tokens: string[], { row, backup }: State, actors: readonly Actor[]): void {
  for (const held of [row, backup]) {
    const token = held?.record.token ?? null;
    if (token !== null && !tokens.includes(token)) tokens.push(token);
  }
  const once: string[] = [];
  for (const { token, seen } of actors) {
    for (const each of new Set([token, seen?.record.token ?? null])) {
      if (each === null || tokens.includes(each)) continue;
      (once.includes(each) ? tokens : once).push(each);
    }
  }
}

function tokenText(tokens: readonly string[], token: string): string {
  return String(tokens.indexOf(token));
}

function cursorOf(cursors: Cursors): number {
  return cursors["ui"]?.upTo ?? 0;
}

function cursorText(scope: Scope, cursors: Cursors): string {
  const cursor = cursors["ui"];
  if (cursor === undefined) return "";
  return `k${placeText(scope, cursor)}`;
}

/** How long it fails already counts when it fails again, and the reason never does. */
function placeText(scope: Scope, { upTo, attempts, retryAt, since }: Cursor): string {
  const failing = since === null || scope.state.left.notifierFails === 0 ? "" : `s${NOW - since}`;
  return `${version(scope, upTo)}+${attempts}@${instant(retryAt)}${failing}`;
}

/** All that is past is alike: due. */
function instant(at: number | null): string {
  return at === null ? "-" : at <= NOW ? "0" : String(at - NOW);
}

/** The part of a snapshot that says the same in every state. */
function bodyText(snapshot: Snapshot): string {
  const { record } = snapshot;
  const { awaiting, poll } = record;
  if (isFinal(record.status)) return finalText(snapshot);
  let text: string = LETTER[record.status] + graceText(record);
  text += `${record.attempt}${record.releases}${record.redrives}${record.cancel === null ? "" : "c"}`;
  text += instantsText(record);
  text += needsText(snapshot);
  if (awaiting !== null) text += `w${instant(awaiting.nextPollAt)},${instant(awaiting.deadlineAt)}`;
  if (poll !== null) text += `p${instant(poll.until)}`;
  return text;
}

function needsText(snapshot: Snapshot): string {
  let text = "";
  for (const { reason, at } of needs(snapshot, POLICY)) text += `${reason.slice(0, 7)}${instant(at)}`;
  return text;
}

/** Until when a cursor without a retry is left to whoever made the change. */
function graceText({ notifiers, updatedAt }: JobRecord): string {
  return notifiers.length === 0 ? "" : `g${instant(updatedAt + POLICY.notifyGraceMs)}`;
}

/** How a job ended, and after how many attempts, nobody asks any more. */
function finalText(snapshot: Snapshot): string {
  const { wakeAt, purgeAt } = snapshot.record;
  let text = `F${graceText(snapshot.record)}${instant(wakeAt)}${instant(purgeAt)}`;
  for (const { at } of needs(snapshot, POLICY)) text += `n${instant(at)}`;
  return text;
}

function instantsText({ leaseUntil, readyAt, sendAt, wakeAt }: JobRecord): string {
  return `${instant(leaseUntil)}${instant(readyAt)}${instant(sendAt)}${instant(wakeAt)}`;
}
