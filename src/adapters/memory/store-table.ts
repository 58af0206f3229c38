import { type Cursors, type JobRecord, type StatusIndex, statusIndexOf } from "../../core/job/record.js";
import { DueIndex, isBefore } from "./store-due-index.js";
import { ListIndex } from "./store-list-index.js";
import { readyInstant, type StoredRow } from "./store-semantics.js";

/**
 * Rows with every index over them. A settled job is in those of `list`, scope and purge only: what workers and
 * reconcilers ask costs the same however many are kept.
 */
export class JobTable {
  readonly #rows = new Map<string, StoredRow>();
  readonly #scopes = new Map<string, string>();
  readonly #ready = new Map<string, DueIndex>();
  readonly #claims = new Map<string, Set<string>>();
  readonly wakeUps = new DueIndex();
  readonly purges = new DueIndex();
  readonly all = new ListIndex<"all">();
  readonly undeliverable = new ListIndex<"all">();
  readonly owners = new ListIndex<string | null>();
  readonly subjects = new ListIndex<string>();
  readonly kinds = new ListIndex<string>();
  /** By `statusKey`, of one kind and of all. */
  readonly statuses = new ListIndex<string>();
  readonly refs = new ListIndex<string>();

  get(id: string): StoredRow | undefined {
    return this.#rows.get(id);
  }

  byScope(scope: string): StoredRow | undefined {
    const id = this.#scopes.get(scope);
    return id === undefined ? undefined : this.get(id);
  }

  /** The jobs that are run under a token. */
  heldBy(token: string): readonly StoredRow[] {
    return [...(this.#claims.get(token) ?? [])].flatMap((id) => this.get(id) ?? []);
  }

  /** The ready index of a kind: jobs of the store's own queue by the instant from which they can be claimed. */
  ready(kind: string): DueIndex {
    let index = this.#ready.get(kind);
    if (index === undefined) this.#ready.set(kind, (index = new DueIndex()));
    return index;
  }

  /** The job of these kinds (of any, where none are named) that can be claimed first. */
  firstReady(
    kinds: Iterable<string> = this.#ready.keys(),
  ): { readonly id: string; readonly at: number } | null {
    let first: { readonly id: string; readonly at: number } | null = null;
    for (const kind of kinds) {
      const candidate = this.#ready.get(kind)?.first() ?? null;
      if (candidate !== null && (first === null || isBefore(candidate, first))) first = candidate;
    }
    return first;
  }

  insert(state: StoredRow): void {
    const { record } = state;
    if (record.scope !== null) this.#scopes.set(record.scope, record.id);
    this.all.add("all", record);
    this.owners.add(record.owner, record);
    if (record.subject !== null) this.subjects.add(record.subject, record);
    this.kinds.add(record.kind, record);
    this.#put(state);
    this.#index(record, null, state);
  }

  /** Puts the next state of a job in the place of the one before. */
  replace(before: StoredRow, after: StoredRow): void {
    if (after === before) return;
    this.#put(after);
    this.#index(after.record, before, after);
  }

  remove(state: StoredRow): void {
    const { record } = state;
    this.#index(record, state, null);
    if (record.scope !== null) this.#scopes.delete(record.scope);
    this.all.remove("all", record);
    this.owners.remove(record.owner, record);
    if (record.subject !== null) this.subjects.remove(record.subject, record);
    this.kinds.remove(record.kind, record);
    this.#rows.delete(record.id);
  }

  #put(state: StoredRow): void {
    Object.freeze(state.record);
    Object.freeze(state.cursors);
    this.#rows.set(state.record.id, state);
  }

  /** Moves a job in the indexes that follow its changes. */
  #index(record: JobRecord, before: StoredRow | null, after: StoredRow | null): void {
    const { id, kind } = record;
    this.wakeUps.set(id, after?.record.wakeAt ?? null);
    this.purges.set(id, after?.record.purgeAt ?? null);
    this.ready(kind).set(id, after === null ? null : readyInstant(after.record));
    this.#indexClaim(id, claimOf(before), claimOf(after));
    if (before?.record.awaiting !== after?.record.awaiting) {
      for (const key of refsOf(before)) this.refs.remove(key, record);
      for (const key of refsOf(after)) this.refs.add(key, record);
    }
    const [was, is] = [indexedStatus(before), indexedStatus(after)];
    if (was !== is) {
      for (const of of [kind, null]) {
        if (was !== null) this.statuses.remove(statusKey(was, of), record);
        if (is !== null) this.statuses.add(statusKey(is, of), record);
      }
    }
    const gaveUp = before !== null && hasGivenUp(before.cursors);
    const givesUp = after !== null && hasGivenUp(after.cursors);
    if (givesUp && !gaveUp) this.undeliverable.add("all", record);
    if (gaveUp && !givesUp) this.undeliverable.remove("all", record);
  }

  #indexClaim(id: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (before !== null) {
      const held = this.#claims.get(before);
      held?.delete(id);
      if (held?.size === 0) this.#claims.delete(before);
    }
    if (after === null) return;
    const held = this.#claims.get(after);
    if (held === undefined) this.#claims.set(after, new Set([id]));
    else held.add(id);
  }
}

/** The key of a sparse index by status; `null`: of all kinds. */
export function statusKey(index: StatusIndex, kind: string | null): string {
  return JSON.stringify([index, kind]);
}

function indexedStatus(row: StoredRow | null): StatusIndex | null {
  return row === null ? null : statusIndexOf(row.record.status);
}

/** The key under which outside work is found. JSON keeps kind and key apart, whatever they hold. */
export function refIndexKey(kind: string, refKey: string): string {
  return JSON.stringify([kind, refKey]);
}

/** The token under which a job is run; one that was left when the claim ended is none. */
function claimOf(row: StoredRow | null): string | null {
  return row?.record.status === "PROCESSING" ? row.record.token : null;
}

function refsOf(row: StoredRow | null): ReadonlySet<string> {
  if (row === null) return new Set();
  const { kind, awaiting } = row.record;
  return new Set(awaiting?.refKeys.map((refKey) => refIndexKey(kind, refKey)));
}

/** Whether a notifier gave an entry up: what `list` and `health` call undeliverable. */
export function hasGivenUp(cursors: Cursors): boolean {
  for (const name in cursors) if ((cursors[name]?.exhausted.length ?? 0) > 0) return true;
  return false;
}
