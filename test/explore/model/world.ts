import type { StoredRow } from "../../../src/adapters/memory/store-semantics.js";
import { type Change, type Decision } from "../../../src/core/decide/change/change.js";
import type { Cursor, Snapshot } from "../../../src/core/job/record.js";
import type { Author, Watch } from "../monitors.js";
import { NOW, POLICY, type Rules } from "./rules.js";
import { snapshotOf, type State, withMessage } from "./state.js";

/** Which parts of the model a search runs. */
export interface Setup {
  readonly queue: string | null;
  /** The application hands the job over itself: whoever has its message, which comes any number of times, claims it by its id. */
  readonly own: boolean;
  readonly workers: number;
  readonly reconcilers: number;
  readonly relays: number;
  readonly cancel: boolean;
  readonly deadLetters: boolean;
  readonly notifier: boolean;
  readonly heartbeat: boolean;
  /** Settled jobs are removed. */
  readonly purge: boolean;
  readonly outcomes: readonly ("complete" | "retry" | "fail" | "release" | "await")[];
  readonly faults: ReadonlySet<Fault>;
  readonly budget: State["left"];
}

export type Fault =
  /** Of anybody. */
  | "crash"
  | "worker crash"
  | "lost reply"
  | "duplicate"
  | "loss"
  | "outage"
  | "send unknown"
  | "send rejected"
  | "notifier fails"
  | "poll fails"
  | "rollback";

/** One step of somebody. Thunks, so that a violation found on the way is reported with the step's name. */
export interface Step {
  readonly name: string;
  readonly fault: boolean;
  readonly take: () => State;
}

export interface World {
  readonly rules: Rules;
  readonly setup: Setup;
  readonly watch: Watch;
}

export type Emit = (name: string, take: () => State, fault?: boolean) => void;

/** Says whether a fault belongs to the family. */
export function may({ setup }: World, fault: Fault): boolean {
  return setup.faults.has(fault);
}

export interface Written {
  readonly state: State;
  /** `null`: refused. */
  readonly after: Snapshot | null;
}

/** A main write reaches the store. */
export function write(world: World, state: State, change: Change, author: Author): Written {
  const { row } = state;
  if (row === null) return { state, after: null };
  const guard = author.by === "worker" ? world.rules.workerGuard : "full";
  const item = guard === "full" ? change.item : unguarded(row, change);
  const met = guard === "none" ? { ...row, record: { ...row.record, status: item.guard.status } } : row;
  const { row: after, result } = world.rules.applyWrite(met, item, NOW);
  if (result.status !== "ok") return { state, after: null };
  world.watch.written(row, after, author, state.rolledBack);
  const next = { ...state, row: after };
  world.watch.stored(next);
  return { state: next, after: { record: after.record, cursors: after.cursors } };
}

/** A guard that any record of the same status passes. */
function unguarded({ record }: StoredRow, { item }: Change): Change["item"] {
  return { ...item, guard: { status: item.guard.status, version: record.version, token: record.token } };
}

/** The cursor is moved in the store. */
export function advance(world: World, state: State, seen: Snapshot, moved: Cursor | null): State {
  if (state.row === null) return state;
  const item = world.rules.advance(seen, moved === null ? {} : { ui: moved }, { now: NOW, policy: POLICY });
  const next = { ...state, row: world.rules.applyAdvance(state.row, item).row };
  world.watch.stored(next);
  return next;
}

export function send(state: State, dispatch: number): State {
  return { ...state, queue: withMessage(state.queue, dispatch) };
}

/** What is stored now, as somebody who is refused sees it. `null`: gone. */
export function found({ row }: State): Snapshot | null {
  return row === null ? null : snapshotOf(row);
}

/** Replaces what is stored of the row, outside any main write. */
export function put(world: World, state: State, row: StoredRow): State {
  if (row === state.row) return state;
  const next = { ...state, row };
  world.watch.stored(next);
  return next;
}

/** A decision that is a write, or `null`. */
export function changeOf(decision: Decision): Change | null {
  return decision.do === "write" ? decision : null;
}
